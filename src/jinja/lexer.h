#pragma once
// Splits a template into texts, tags and the tokens inside tags. White space around tags is removed
// with the settings of transformers (trim_blocks and lstrip_blocks). Reference: jinja2 3.1,
// lexer.py.
#include <string>
#include <string_view>
#include <vector>

namespace r1::jinja {

enum class TokenKind {
  Text,        // outside of tags
  PrintBegin,  // {{
  PrintEnd,    // }}
  BlockBegin,  // {%
  BlockEnd,    // %}
  Name,
  String,  // text: the value, with escapes resolved
  Integer,
  Float,
  Operator,
  End,
};

struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;
  int line = 1;
};

/// Throws: InputError naming `origin` and the line.
std::vector<Token> tokenize(std::string_view source, std::string_view origin);

}  // namespace r1::jinja
