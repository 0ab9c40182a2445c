// Units after a value (parser.h, units.h).
#include <algorithm>
#include <string>
#include <unordered_set>
#include <utility>

#include "rewards/maths/parser.h"
#include "rewards/maths/unit_table.h"
#include "rewards/maths/units.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

/// Commands that stand in units: "\Omega", "\mu", "\circ", those of siunitx.
bool is_unit_command(const std::string& name) {
  static const std::unordered_set<std::string> signs{"\\Omega", "\\ohm",     "\\mu",   "\\micro",
                                                     "\\circ",  "\\AA",      "\\per",  "\\square",
                                                     "\\cubic", "\\squared", "\\cubed"};
  if (signs.count(name) > 0) return true;
  constexpr std::size_t kShortest = 5;  // "\\cup" and "\\sec" are none
  return name.size() >= kShortest && (find_unit(name.substr(1)) || find_prefix(name.substr(1)));
}

/// 5, 10^8, 3*10^8: a number as it stands before a unit.
bool is_numeral(const Node& node) {
  if (node.kind == Kind::Number) return true;
  if (node.kind == Kind::Power) return node.children[0].text == "10";
  return node.kind == Kind::Multiply && node.children.size() == 2 &&
         node.children[0].kind == Kind::Number && node.children[1].kind == Kind::Power &&
         is_numeral(node.children[1]);
}

bool is_degrees(const Node& node) {
  return node.kind == Kind::Call && node.text == "degree";
}

/// Two letters in a row that are a unit before they are two names.
bool is_pair_of_units(const std::string& text) {
  static const std::unordered_set<std::string> pairs{"N m", "N*m", "A h", "A*h", "W h", "W*h",
                                                     "V A", "V*A", "A s", "A*s", "N s", "N*s",
                                                     "J s", "J*s", "W s", "W*s"};
  return pairs.count(text) > 0;
}

}  // namespace

/// The tokens from `ahead` on that may be parts of a unit.
Parser::UnitRun Parser::unit_run(std::size_t ahead) const {
  UnitRun run;
  int depth = 0;
  constexpr std::size_t kMostTokens = 32;
  for (std::size_t k = ahead; run.count < kMostTokens; ++k) {
    const Token& token = peek(k);
    const bool word = is_word(k) && !is_separator_word(k);
    const bool command =
        token.kind == TokenKind::Command && (token.text == "\\frac" || is_unit_command(token.text));
    const bool raised = !run.text.empty() &&
                        std::string_view("^{-(").find(run.text.back()) != std::string_view::npos;
    const bool attached = k > ahead && is_word(k - 1) && !token.space_before &&
                          (token.text == "2" || token.text == "3") &&
                          find_unit(peek(k - 1).text);  // cm2
    const bool number = token.kind == TokenKind::Number &&
                        (attached || (raised && run.text.find('^') != std::string::npos));
    const bool sign = token.kind == TokenKind::Sign && token.text.size() == 1 &&
                      std::string_view("*/^-{}()").find(token.text[0]) != std::string_view::npos;
    if (!word && !command && !number && !sign) break;
    if (sign && (token.text == "{" || token.text == "(")) ++depth;
    if (sign && (token.text == "}" || token.text == ")") && --depth < 0) break;
    if (token.space_before && !run.text.empty()) run.text += ' ';
    run.text += token.text;
    if (command) run.text += ' ';
    ++run.count;
  }
  return run;
}

/// Whether a value may end before the token `ahead`.
bool Parser::ends_value(std::size_t ahead) const {
  static const std::unordered_set<std::string> ends{
      ",", ";", "=", ")", "]", "}", "<", ">", "\\approx", "\\le", "\\ge", "\\\\", "&"};
  const Token& token = peek(ahead);
  return token.kind == TokenKind::End || is_separator_word(ahead) ||
         (token.kind != TokenKind::Text && ends.count(token.text) > 0);
}

/// "kg m/s^2", "N*m", "m s^{-1}" as words of a formula: no product of names, which "g*h" may be.
bool Parser::is_bare_unit() const {
  const UnitRun run = unit_run();
  if (run.count == 0 || !ends_value(run.count) || read_unit(run.text).empty()) return false;
  if (run.count == 1) return is_short_unit(peek().text);
  bool long_symbol = false;
  for (std::size_t k = 0; k < run.count; ++k)
    long_symbol |= peek(k).kind == TokenKind::Command || peek(k).kind == TokenKind::Text ||
                   (is_word(k) && is_short_unit(peek(k).text));
  const bool product = run.text.find_first_of("* ") != std::string::npos;
  return long_symbol || is_pair_of_units(run.text) || run.text.find("^-") != std::string::npos ||
         run.text.find("^{-") != std::string::npos || !product;
}

/// "10 cm": a known short unit behind a number.
bool Parser::is_unit(const Token& token, const Node& left) const {
  if (token.text == "or") return true;
  if (token.text == "to" && peek(1).kind == TokenKind::Number) return true;
  if (is_degrees(left)) {
    const Token& next = peek(1);
    const bool factor = next.kind == TokenKind::Number || next.kind == TokenKind::Word ||
                        next.text == "(" || next.text == "_";
    return (token.text == "C" || token.text == "F") && !factor;
  }
  if (!is_numeral(left)) return false;
  const Token& behind = peek(1);
  const bool ends = behind.kind == TokenKind::End || behind.text == "^";
  static const std::unordered_set<std::string> kAttached{
      "cm", "mm", "km", "kg", "ml", "mL", "Hz", "Pa", "kW", "kN", "kJ", "kV", "mA", "mV", "eV"};
  if (left.kind == Kind::Number && ends && kAttached.count(token.text) > 0) return true;
  if (!token.space_before) return false;
  if (left.kind == Kind::Number && is_short_unit(token.text)) return true;
  const bool letter = token.text.size() == 1;
  if (letter && behind.kind == TokenKind::End)
    return std::string_view("mgLlshNJVWAK").find(token.text) != std::string_view::npos;
  return is_bare_unit();
}

/// Whether what follows `left` is its unit, not a factor.
bool Parser::starts_unit(const Node& left) const {
  const Token& token = peek();
  if (token.kind == TokenKind::Word) return is_unit(token, left);
  if (token.kind != TokenKind::Command) return false;
  if (token.text == "\\frac") return starts_unit_fraction();
  if (!is_unit_command(token.text) || token.text == "\\circ") return false;
  const UnitRun run = unit_run();
  if (read_unit(run.text).empty()) return false;
  return token.text != "\\mu" || peek(1).kind == TokenKind::Text ||
         (is_numeral(left) && run.count == 2 && ends_value(run.count));
}

/// "\\frac{\\text{km}}{\\text{h}}"; without \text only what no slope is: "\\frac{m}{s^2}".
bool Parser::starts_unit_fraction() const {
  if (!next_is("\\frac")) return false;
  std::size_t at = 1;
  std::string below;
  bool words = true;
  for (int part = 0; part < 2; ++part) {
    if (peek(at).text != "{") return false;
    const std::size_t begin = ++at;
    below.clear();
    for (; peek(at).text != "}"; ++at) {
      if (peek(at).kind == TokenKind::End) return false;
      below += peek(at).text;
    }
    words = words && peek(begin).kind == TokenKind::Text;
    ++at;
  }
  if (words) return true;
  static const std::unordered_set<std::string> kBelow{
      "s", "s^2", "h", "hr", "min", "m^2", "m^3", "kg", "L", "mol", "cm^3", "C", "K"};
  return kBelow.count(below) > 0 && !read_unit(unit_run().text).empty();
}

/// Words behind a value: "10 cm^2", "5 square units", "28 percent". Words that take the value back
/// or name another one are no unit.
void Parser::skip_unit(const Node& value) {
  const std::string lead = is_degrees(value) ? "\\circ " : "";
  const UnitRun run = unit_run();
  if (run.count == 0) return;
  const std::string unit = read_unit(lead + run.text);
  if (unit.empty()) return skip_words(lead);
  at_ += run.count;
  if (unit_.empty()) unit_ = unit;
}

/// Goes word by word; the first that begins a unit counts: "5 whole feet tall".
void Parser::skip_words(const std::string& lead) {
  const auto word = [this](std::size_t ahead) {
    return is_word(ahead) && !is_separator_word(ahead);
  };
  bool leads = true;
  while (word(0) || (next_is("/") && word(1)) || starts_unit_fraction()) {
    if (unit_.empty()) unit_ = leading_unit((leads ? lead : "") + unit_run().text);
    if (starts_unit_fraction()) {
      while (!next_is("}") || peek(1).text == "{") take();
      take();
      continue;
    }
    const Token token = take();
    if (token.text != "/" && is_reservation(token.text) && read_unit(token.text).empty())
      throw Unreadable{};
    if (std::exchange(leads, false) && changes_value(token.text)) throw Unreadable{};
    if (!accept("^")) continue;
    accept("{");
    accept("-");
    if (peek().kind == TokenKind::Number || next_is("\\circ")) take();
    accept("}");
  }
}

}  // namespace r1::rewards::maths
