// Numbers and choice letters in prose (scan.h).
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "data/text.h"
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

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  bool inside = false;
  for (const char c : data::lower_ascii(text)) {
    const bool letter = c >= 'a' && c <= 'z';
    if (letter && !inside) words.emplace_back();
    if (letter) words.back() += c;
    inside = letter;
  }
  return words;
}

template <std::size_t N>
bool any_of_words(const std::vector<std::string>& words, std::size_t from, std::size_t to,
                  const std::array<std::string_view, N>& list) {
  for (std::size_t k = from; k < std::min(to, words.size()); ++k)
    if (std::find(list.begin(), list.end(), words[k]) != list.end()) return true;
  return false;
}

constexpr std::size_t kWindow = 48;  // bytes around a number or letter
constexpr std::size_t kWords = 3;

/// What stands before, back to the last number or sentence end.
std::string_view clause_before(std::string_view text, std::size_t begin) {
  const std::size_t start = begin > kWindow ? begin - kWindow : 0;
  const std::string_view window = text.substr(start, begin - start);
  const std::size_t cut = window.find_last_of("0123456789.;\n");
  return cut == kNone ? window : window.substr(cut + 1);
}

std::string_view clause_after(std::string_view text, std::size_t end) {
  const std::string_view window = text.substr(end, kWindow);
  return window.substr(0, std::min(window.find_first_of(".;\n"), window.size()));
}

/// "5 and 6", "5 to 6", "5 ~ 6": the number is one of two.
bool is_second_of_two(std::string_view text, std::size_t begin) {
  static constexpr std::array<std::string_view, 8> kJoins{"and", "or", "to",   "~",
                                                          "과",  "와", "또는", "혹은"};
  std::string_view before = text.substr(0, begin);
  const auto drop_blanks = [&] { before = before.substr(0, before.find_last_not_of(" $*") + 1); };
  drop_blanks();
  for (const std::string_view join : kJoins) {
    if (!before.ends_with(join)) continue;
    before.remove_suffix(join.size());
    drop_blanks();
    return !before.empty() && is_digit(before.back());
  }
  return false;
}

/// "5?", "5만" (50,000), and in Korean "5가 아니", "5보다", "5 이상", "5 또는 6".
bool is_questioned(std::string_view text, std::size_t end) {
  static constexpr std::array<std::string_view, 10> kKorean{"아니", "아닙", "아닌", "아님", "보다",
                                                            "이상", "이하", "미만", "초과", "또는"};
  const std::string_view after = clause_after(text, end);
  if (!after.empty() && after.front() == '?') return true;
  for (const std::string_view scale : {"만", "억", "万", "亿"})
    if (after.starts_with(scale)) return true;
  const std::string_view near = after.substr(0, after.find_first_of("0123456789,"));
  return std::any_of(kKorean.begin(), kKorean.end(),
                     [&](std::string_view word) { return near.find(word) != kNone; });
}

/// "not 5", "cannot be 5", "at least 5", "between 5 and", "5 is wrong", "5 or 6", "5 million".
bool is_doubted(std::string_view text, std::size_t begin, std::size_t end) {
  if (is_second_of_two(text, begin) || is_questioned(text, end)) return true;
  static constexpr std::array<std::string_view, 15> kBefore{
      "not",  "isn",     "never",   "cannot", "can",   "between", "than", "least",
      "most", "neither", "exclude", "wasn",   "least", "either",  "aren"};
  static constexpr std::array<std::string_view, 14> kAfter{
      "or",      "not",      "isn",     "wrong",    "incorrect", "cannot", "hundred",
      "million", "thousand", "billion", "trillion", "dozen",     "false",  "no"};
  const auto before = words_of(clause_before(text, begin));
  const auto after = words_of(clause_after(text, end));
  const std::size_t from = before.size() > kWords ? before.size() - kWords : 0;
  // "can 5" is no denial, "can't be 5" is.
  const auto denied = [&] {
    for (std::size_t k = from; k < before.size(); ++k) {
      const bool known = std::find(kBefore.begin(), kBefore.end(), before[k]) != kBefore.end();
      if (known && (before[k] != "can" || (k + 1 < before.size() && before[k + 1] == "t")))
        return true;
    }
    return false;
  };
  constexpr std::size_t kBehind = 3;
  return denied() || any_of_words(after, 0, kBehind, kAfter);
}

/// "(B) is wrong", "B isn't it".
bool is_taken_back(std::string_view text, std::size_t behind) {
  static constexpr std::array<std::string_view, 4> kDenials{"wrong", "incorrect", "not", "false"};
  const auto after = words_of(clause_after(text, behind));
  if (after.empty()) return false;
  return after[0] == "isn" || (after[0] == "is" && any_of_words(after, 1, 2, kDenials));
}

bool is_letter_choice(std::string_view text, std::size_t at) {
  const auto outside = [&](std::size_t k) {
    return !is_alnum(text[k]) || static_cast<unsigned char>(text[k]) >= 0x80;
  };
  const bool alone = (at == 0 || outside(at - 1)) && (at + 1 == text.size() || outside(at + 1));
  // "I" is a pronoun more often than a choice.
  return alone && text[at] >= 'A' && text[at] <= 'J' && text[at] != 'I';
}

}  // namespace

FoundNumber number_in(std::string_view text, bool last) {
  std::size_t begin = kNone;
  std::size_t end = 0;
  for (std::size_t at = 0; at < text.size();) {
    const bool point = text[at] == '.' && at + 1 < text.size() && is_digit(text[at + 1]);
    const std::size_t fraction = text[at] == '\\' ? fraction_end(text, at) : kNone;
    if (!is_digit(text[at]) && !point && fraction == kNone) {
      ++at;
      continue;
    }
    begin = with_sign(text, at);
    end = fraction != kNone ? fraction : number_end(text, at);
    at = end;
    if (!last) break;
  }
  if (begin == kNone) return {};
  return {std::string(text.substr(begin, end - begin)), is_doubted(text, begin, end)};
}

std::string letter_in(std::string_view text, bool first) {
  static constexpr std::array<std::string_view, 4> kDenied{"not", "isn", "cannot", "t"};
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
