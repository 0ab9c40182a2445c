#pragma once
// From an answer as written (LaTeX, Unicode, prose) to tokens: one table-driven linear scan.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

enum class TokenKind { Number, Word, Command, Text, Sign, End };

/// Command: "\sqrt" and friends; Sign: one operator or bracket; Text: the inside of \text{...}.
struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;
  bool space_before = false;
};

/// ASCII maths: Unicode signs, spacing commands, currency, degrees, dollars, boxes removed or
/// replaced by their LaTeX names.
std::string normalise(std::string_view text);
/// The letters, digits and signs of a normalised text, for comparing answers that are words.
std::string plain_text(std::string_view text);
/// Tokens of a normalised text, closed by End.
std::vector<Token> tokenise(const std::string& normalised);

}  // namespace r1::rewards::maths
