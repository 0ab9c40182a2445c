#pragma once
// Cuts a template into texts, tags and the tokens inside them, with the white space around tags
// taken away as transformers sets it (trim_blocks and lstrip_blocks).
// Reference: jinja2 3.1, lexer.py.
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
  String,  // text: its value, escapes read
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

/// Throws: InputError that names `origin` and the line.
std::vector<Token> tokenize(std::string_view source, std::string_view origin);

}  // namespace r1::jinja
