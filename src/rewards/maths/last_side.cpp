#include "rewards/maths/last_side.h"

#include <cstddef>
#include <string>
#include <unordered_set>

#include "rewards/maths/parser.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

/// How a token changes the depth of brackets.
int nesting_of(const Token& token, int depth) {
  static const std::unordered_set<std::string> opens{"(", "[", "{", "\\{", "\\begin", "\\langle"};
  static const std::unordered_set<std::string> closes{")", "]", "}", "\\}", "\\end", "\\rangle"};
  if (token.kind == TokenKind::Word || token.kind == TokenKind::Text) return 0;
  if (token.text == "\\determinant") return depth > 0 ? -1 : 1;  // its two ends look alike
  return opens.count(token.text) > 0 ? 1 : closes.count(token.text) > 0 ? -1 : 0;
}

/// Words that stand in formulas without a backslash.
bool is_formula_word(const Token& token) {
  static const std::unordered_set<std::string> words{
      "mod", "det", "gcd", "lcm", "lim", "max", "min",   "rank",  "dim", "deg",
      "sup", "inf", "arg", "Var", "Cov", "Pr",  "trace", "floor", "ceil"};
  return is_symbol_word(token.text) || words.count(token.text) > 0;
}

/// Whether an equation may begin with these tokens, of which not all can be read: one equation, not
/// taken back, no prose.
bool is_left_side(const std::vector<Token>& tokens, std::size_t end) {
  static const std::unordered_set<std::string> ends{
      ",",    ";",    "<",     ">",      "<=",    ">=",      "!=",  "\\le",
      "\\ge", "\\ne", "\\lor", "\\land", "\\vee", "\\wedge", "\\in"};
  int depth = 0;
  for (std::size_t k = 0; k < end; ++k) {
    const Token& token = tokens[k];
    depth += nesting_of(token, depth);
    if (token.kind == TokenKind::Word && !is_formula_word(token)) return false;
    if (token.kind == TokenKind::Word || token.kind == TokenKind::Text) {
      if (denies(token.text)) return false;
      if (depth == 0 && (token.text == "and" || token.text == "or")) return false;
    } else if (depth == 0 && ends.count(token.text) > 0) {
      return false;
    }
  }
  return end > 0;
}

}  // namespace

std::optional<Node> last_side(const std::vector<Token>& tokens, const Limits& limits,
                              std::string& unit) {
  int depth = 0;
  std::size_t sign = 0;
  for (std::size_t k = 0; k < tokens.size(); ++k) {
    depth += nesting_of(tokens[k], depth);
    if (depth == 0 && tokens[k].kind == TokenKind::Sign && tokens[k].text == "=") sign = k;
  }
  if (sign == 0 || !is_left_side(tokens, sign)) return {};
  Parser parser({tokens.begin() + static_cast<std::ptrdiff_t>(sign) + 1, tokens.end()}, limits);
  Node node = parser.run();
  if (node.kind == Kind::Relation || node.kind == Kind::Text) return {};
  unit = parser.unit();
  return node;
}

}  // namespace r1::rewards::maths
