// Repeating decimals: 0.1\overline{6}, 0.\dot{1}4285\dot{7}, 0.1(6), 0.1666..., "0.6 repeating"
// (parser.h).
#include <string>
#include <unordered_set>
#include <utility>

#include "rewards/maths/parser.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

bool is_digits(const Token& token) {
  return token.kind == TokenKind::Number &&
         token.text.find_first_not_of("0123456789") == token.text.npos;
}

bool is_mark(const Token& token) {
  return token.text == "\\overline" || token.text == "\\dot";
}

/// How often the last `period` digits stand at the end of `digits`.
std::size_t repetitions(const std::string& digits, std::size_t period) {
  std::size_t same = period;
  while (same < digits.size() &&
         digits[digits.size() - 1 - same] == digits[digits.size() - 1 - same + period])
    ++same;
  return same / period;
}

/// The shortest period that stands at the end at least `times`; 0: none.
std::size_t shortest_period(const std::string& digits, std::size_t times) {
  for (std::size_t period = 1; period * times <= digits.size(); ++period)
    if (repetitions(digits, period) >= times) return period;
  return 0;
}

std::string fraction_of(const std::string& decimal) {
  const std::size_t point = decimal.find('.');
  return point == std::string::npos ? "" : decimal.substr(point + 1);
}

}  // namespace

/// Whether a mark of repetition stands behind a number: "\overline{3}", ".\dot{3}", "(6)", "...".
bool Parser::starts_repetition(const Node& value) const {
  if (value.kind != Kind::Number) return false;
  const bool decimal = value.text.find('.') != std::string::npos;
  const std::size_t at = !decimal && next_is(".") ? 1 : 0;
  if (is_mark(peek(at)) || (peek(at).text == "{" && is_mark(peek(at + 1)))) return true;
  if (decimal && next_is("\\dots")) return true;
  if (decimal && is_word() && means_repeating(peek().text)) return true;
  const bool bracket = peek(at).text == "(" && is_digits(peek(at + 1)) &&
                       peek(at + 2).text == ")" && peek(at + 3).text != "(";
  return (decimal || at == 1) && bracket && !peek(at).space_before && !peek(at + 1).space_before;
}

Node Parser::repeating(const Node& value) {
  accept(".");
  if (next_is("\\dots")) return going_on(value.text);
  if (is_word()) return in_words(value.text);
  if (accept("(")) {
    const std::string period = take().text;
    expect(")");
    return with_period(value, period);
  }
  const bool group = accept("{");
  std::string period;
  // \dot stands over the first and the last digit, \overline over all.
  while (is_mark(peek()) || (is_digits(peek()) && !period.empty())) {
    if (is_digits(peek())) {
      period += take().text;
      continue;
    }
    take();
    const bool brace = accept("{");
    if (!is_digits(peek())) throw Unreadable{};
    period += take().text;
    if (brace) expect("}");
  }
  if (group) expect("}");
  accept("\\dots");
  return with_period(value, period);
}

/// `value` and behind its digits the period without end: period / 99...9, shifted.
Node Parser::with_period(const Node& value, const std::string& period) {
  if (period.empty() || period.size() > limits_.digits) throw Unreadable{true};
  const std::string nines =
      std::string(period.size(), '9') + std::string(fraction_of(value.text).size(), '0');
  Node rest = node(Kind::Divide, "", {node(Kind::Number, period), node(Kind::Number, nines)});
  return node(Kind::Add, "", {value, std::move(rest)});
}

/// The decimal without the last `times` periods, then the period.
Node Parser::cut_period(const std::string& decimal, std::size_t period, std::size_t times) {
  const std::string digits = decimal.substr(decimal.size() - period);
  std::string rest = decimal.substr(0, decimal.size() - period * times);
  if (rest.ends_with('.')) rest.pop_back();
  return with_period(node(Kind::Number, rest.empty() ? "0" : rest), digits);
}

/// 0.1666...: its period must be seen. Six digits or more without one stand for what they begin.
Node Parser::going_on(const std::string& decimal) {
  constexpr std::size_t kPrecise = 6;
  const std::string digits = fraction_of(decimal);
  const bool precise = digits.size() >= kPrecise;
  const char last = digits.back();
  const std::size_t times = precise || last == '9' || last == '0' ? 3 : 2;
  const std::size_t period = shortest_period(digits, times);
  if (period == 0 && !precise) throw Unreadable{};
  take();
  if (period == 0) return node(Kind::Number, decimal + '5');
  return cut_period(decimal, period, repetitions(digits, period));
}

/// "0.6 repeating", "0.1212 repeating"; "0.16 repeating" may be two numbers.
Node Parser::in_words(const std::string& decimal) {
  const std::string digits = fraction_of(decimal);
  for (std::size_t period = 1; period <= digits.size(); ++period) {
    const std::size_t times = digits.size() / period;
    if (times * period != digits.size() || repetitions(digits, period) < times) continue;
    if (times < 2 && period > 1) break;
    take();
    return cut_period(decimal, period, times);
  }
  throw Unreadable{};
}

}  // namespace r1::rewards::maths
