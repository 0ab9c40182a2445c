#pragma once
// Converts an answer as written (LaTeX, Unicode, prose) to tokens in one table-driven linear scan.
#include <string>
#include <string_view>
#include <vector>

#include "rewards/maths/node.h"

namespace r1::rewards::maths {

enum class TokenKind { Number, Word, Command, Text, Sign, End };

/// Command: "\sqrt" and other LaTeX commands. Sign: one operator or bracket. Text: the content of
/// \text{...}.
struct Token {
  TokenKind kind = TokenKind::End;
  std::string text;
  bool space_before = false;
};

/// Converts maths to ASCII: Unicode signs, spacing commands, currency, degrees, dollars and boxes
/// are removed or replaced by their LaTeX names.
std::string normalise(std::string_view text);
/// The letters, digits and signs of a normalised text, for comparing answers that are words.
std::string plain_text(std::string_view text);
/// The tokens of a normalised text, with End as the last token.
std::vector<Token> tokenise(const std::string& normalised);

}  // namespace r1::rewards::maths
