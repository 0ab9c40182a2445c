// Scorers of answers that are numbers, fractions or formulas.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "data/text.h"
#include "rewards/maths/verify.h"
#include "rewards/puzzles/reading.h"
#include "rewards/puzzles/scorer.h"

namespace r1::rewards::puzzles {
namespace {

Verdict verdict(bool right) {
  return right ? Verdict::Right : Verdict::Wrong;
}

/// "-0x1F" without sign and prefix, lower case, no leading zeros; nothing without "0x" or digits.
std::optional<std::string> canonical_hex(std::string_view given) {
  std::string text = data::lower_ascii(unwrapped(given));
  const bool negative = !text.empty() && text[0] == '-';
  if (negative) text.erase(0, 1);
  if (text.compare(0, 2, "0x") != 0 || text.size() < 3) return std::nullopt;
  text.erase(0, 2);
  if (text.find_first_not_of("0123456789abcdef") != std::string::npos) return std::nullopt;
  text.erase(0, std::min(text.find_first_not_of('0'), text.size() - 1));
  return negative && text != "0" ? std::string("-").append(text) : text;
}

using Fraction = std::pair<std::int64_t, std::int64_t>;

/// a/b or \frac{a}{b}, nothing else in the text; an integer is a/1.
std::optional<Fraction> fraction_of(std::string_view given) {
  std::string text = unwrapped(given);
  const bool latex = text.find("frac{") != std::string::npos;
  if (latex) {
    const std::size_t begin = text.find("frac{") + 5;
    const std::size_t middle = text.find("}{", begin);
    if (middle == std::string::npos || text.back() != '}') return std::nullopt;
    const std::string head = text.substr(0, begin - 5);
    if (head != "\\" && head != "\\d" && head != "\\t") return std::nullopt;
    text = text.substr(begin, middle - begin) + "/" +
           text.substr(middle + 2, text.size() - middle - 3);
  }
  const auto parts = data::split_at(text, "/");
  if (parts.size() > 2) return std::nullopt;
  const auto a = integer_of(parts[0]);
  const auto b = parts.size() == 2 ? integer_of(parts[1]) : std::optional<std::int64_t>(1);
  if (!a || !b || *b == 0) return std::nullopt;
  return Fraction{*a, *b};
}

/// Integers between ×, * or x, sorted.
std::vector<std::int64_t> factors_of(std::string_view given) {
  std::string text = unwrapped(given);
  for (const std::string_view sign : {"×", "\\times", "·", "\\cdot", "x"})
    for (std::size_t at = text.find(sign); at != std::string::npos; at = text.find(sign, at))
      text.replace(at, sign.size(), "*");
  std::vector<std::int64_t> factors;
  for (const std::string& part : data::split_at(text, "*")) {
    const auto factor = integer_of(part);
    if (!factor) return {};
    factors.push_back(*factor);
  }
  std::sort(factors.begin(), factors.end());
  return factors;
}

std::optional<double> value_of(std::string_view text) {
  if (const auto number = number_of(text)) return number;
  const auto fraction = fraction_of(text);
  if (!fraction) return std::nullopt;
  return static_cast<double>(fraction->first) / static_cast<double>(fraction->second);
}

/// Python's notation as the verifier reads it; the constant of an integral is left out.
std::string verifier_form(std::string_view given) {
  std::string text = unwrapped(given);
  for (std::size_t at = text.find("**"); at != std::string::npos; at = text.find("**", at))
    text.replace(at, 2, "^");
  const std::size_t constant = text.rfind("+ C");
  if (constant != std::string::npos && constant + 3 == text.size()) text.resize(constant);
  return data::trim(text);
}

}  // namespace

Verdict decimal(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = canonical_decimal(puzzle.answer);
  if (!gold) return caseless(answer, puzzle);
  const auto given = canonical_decimal(answer);
  return given ? verdict(*given == *gold) : Verdict::Unreadable;
}

Verdict hexadecimal(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = canonical_hex(puzzle.answer);
  if (!gold) return Verdict::NoGold;
  const auto given = canonical_hex(answer);
  return given ? verdict(*given == *gold) : Verdict::Unreadable;
}

Verdict fraction(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = fraction_of(puzzle.answer);
  if (!gold) return Verdict::NoGold;
  const auto given = fraction_of(answer);
  return given ? verdict(*given == *gold) : Verdict::Unreadable;
}

Verdict factors(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = factors_of(puzzle.answer);
  if (gold.empty()) return Verdict::NoGold;
  const auto given = factors_of(answer);
  return given.empty() ? Verdict::Unreadable : verdict(given == gold);
}

Verdict numbers(std::string_view answer, const Puzzle& puzzle) {
  constexpr double kTolerance = 0.01;  // answers are rounded to 2..4 places
  const auto gold = numbers_in(puzzle.answer);
  const auto given = numbers_in(answer);
  if (gold.empty()) return caseless(answer, puzzle);
  if (given.empty()) return Verdict::Unreadable;
  return verdict(std::equal(given.begin(), given.end(), gold.begin(), gold.end(),
                            [](double a, double b) { return std::abs(a - b) <= kTolerance; }));
}

Verdict probability(std::string_view answer, const Puzzle& puzzle) {
  // Relative: an absolute tolerance would take 0 for any small probability.
  constexpr double kTolerance = 1e-3;
  const auto gold = value_of(puzzle.answer);
  if (!gold) return Verdict::NoGold;
  const auto given = value_of(answer);
  if (!given) return Verdict::Unreadable;
  return verdict(std::abs(*given - *gold) <= kTolerance * std::abs(*gold));
}

Verdict significant(std::string_view answer, const Puzzle& puzzle) {
  const auto gold = number_of(puzzle.answer);
  if (!gold) return Verdict::NoGold;
  const auto given = number_of(answer);
  if (!given) return Verdict::Unreadable;
  return verdict(fmt::format("{:.2e}", *given) == fmt::format("{:.2e}", *gold));
}

Verdict expression(std::string_view answer, const Puzzle& puzzle) {
  const auto result =
      maths::verify(verifier_form(puzzle.answer), "<answer>" + verifier_form(answer) + "</answer>");
  if (result.reason == "unparsable_gold") return Verdict::NoGold;
  if (result.score == 1.0) return Verdict::Right;
  return result.answer == maths::Answer::Different ? Verdict::Wrong : Verdict::Unreadable;
}

}  // namespace r1::rewards::puzzles
