// Numbers and choice letters in prose (scan.h).
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rewards/maths/doubt.h"
#include "rewards/maths/scan.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;

/// The number that begins at a digit or point: digits, separators, a fraction or percent behind. A
/// date, a time and a ratio are taken whole, so that no part of one passes for a number.
std::size_t number_end(std::string_view text, std::size_t at) {
  const auto digit_at = [&](std::size_t k) { return k < text.size() && is_digit(text[k]); };
  constexpr std::string_view kInside = ",./:";
  for (;; ++at) {
    const bool separator = at < text.size() && kInside.find(text[at]) != kNone;
    if (!digit_at(at) && !(separator && digit_at(at + 1))) break;
  }
  return at < text.size() && text[at] == '%' ? at + 1 : at;
}

/// Behind "\\frac{1}{2}" that begins at `at`; npos: no fraction of plain numbers there.
std::size_t fraction_end(std::string_view text, std::size_t at) {
  for (const std::string_view name : {"\\frac", "\\dfrac", "\\tfrac"}) {
    if (text.substr(at, name.size()) != name) continue;
    std::size_t end = at + name.size();
    for (int part = 0; part < 2; ++part) {
      if (end >= text.size() || text[end] != '{') return kNone;
      const std::size_t close = text.find_first_not_of("0123456789", end + 1);
      if (close == kNone || close == end + 1 || text[close] != '}') return kNone;
      end = close + 1;
    }
    return end;
  }
  return kNone;
}

/// Where a minus in front belongs to the number that begins at `begin`: unless something to
/// subtract from stands before it ("16 -3", "x-3"; but "is -3").
std::size_t with_sign(std::string_view text, std::size_t begin) {
  std::size_t before = begin;
  while (before > 0 && (text[before - 1] == '$' || text[before - 1] == '\\')) --before;
  if (before == 0 || text[before - 1] != '-') return begin;
  const std::size_t minus = before - 1;
  std::size_t left = minus;
  while (left > 0 && text[left - 1] == ' ') --left;
  const bool operand = left > 0 && (text[left - 1] == ')' || is_digit(text[left - 1]) ||
                                    (left == minus && is_alnum(text[left - 1])));
  return operand ? begin : minus;
}

/// "A nice problem"; but "A is right".
bool begins_as_article(std::string_view text, std::size_t at) {
  static constexpr std::array<std::string_view, 10> kOfChoices{
      "is", "was", "and", "or", "because", "since", "as", "isn", "but", "not"};
  if (text[at] != 'A' || at + 2 >= text.size() || text[at + 1] != ' ') return false;
  const char next = text[at + 2];
  return next >= 'a' && next <= 'z' &&
         !any_of_words(words_of(text.substr(at + 1, 16)), 0, 1, kOfChoices);
}

bool is_letter_choice(std::string_view text, std::size_t at) {
  const auto outside = [&](std::size_t k) {
    return !is_alnum(text[k]) || static_cast<unsigned char>(text[k]) >= 0x80;
  };
  const bool alone = (at == 0 || outside(at - 1)) && (at + 1 == text.size() || outside(at + 1));
  // "I" is a pronoun more often than a choice, "A" an article before most words.
  return alone && text[at] >= 'A' && text[at] <= 'J' && text[at] != 'I' &&
         !begins_as_article(text, at);
}

}  // namespace

Found number_in(std::string_view text, bool last) {
  std::size_t begin = kNone;
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1]);
    const std::size_t fraction = text[at] == '\\' ? fraction_end(text, at) : kNone;
    if (!is_digit(text[at]) && !point && fraction == kNone) {
      ++at;
      continue;
    }
    const std::size_t behind = fraction != kNone ? fraction : number_end(text, at);
    const std::size_t start = std::exchange(at, behind);
    if (is_power_of_unit(text, start)) continue;
    begin = with_sign(text, start);
    end = behind;
    if (!last) break;
  }
  if (begin == kNone) return {};
  const bool doubted = is_doubted(text, begin, end) || (last && is_no_result(text, begin, end));
  return {std::string(text.substr(begin, end - begin)), doubted};
}

std::string letter_in(std::string_view text, bool first) {
  static constexpr std::array<std::string_view, 8> kDenied{
      "not", "isn", "cannot", "t", "exclude", "except", "excluding", "eliminate"};
  constexpr char kNothing = 0;
  char found = kNothing;
  bool joined = false;
  std::size_t behind = 0;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (!is_letter_choice(text, at)) continue;
    const auto between = words_of(text.substr(behind, at - behind));
    const bool denied =
        (!between.empty() && any_of_words(between, between.size() - 1, between.size(), kDenied)) ||
        is_taken_back(text, at + 1) ||
        (at >= 6 && text.substr(at - std::min<std::size_t>(at, 7), 7).find("不是") != kNone);
    if (denied) {
      behind = at + 1;
      continue;
    }
    const bool follows = found != kNothing && between.size() <= 1 && text[at] != found &&
                         (between.empty() || between[0] == "or" || between[0] == "and");
    behind = at + 1;
    if (first && found != kNothing && !follows) break;
    joined = follows;
    if (follows && first) break;
    found = text[at];
  }
  if (joined || found == kNothing) return {};
  return std::string(1, found);
}

}  // namespace r1::rewards::maths
