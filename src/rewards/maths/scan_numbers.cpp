// Numbers and choice letters in prose (scan.h).
#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "data/text.h"
#include "rewards/choice_letters.h"
#include "rewards/maths/doubt.h"
#include "rewards/maths/scan.h"
#include "rewards/maths/units.h"

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
    const bool mark = at < text.size() && (text[at] == '\'' || text[at] == '_');  // 1'000
    const bool group = mark && digit_at(at + 1) && digit_at(at + 2) && digit_at(at + 3);
    if (!digit_at(at) && !(separator && digit_at(at + 1)) && !group) break;
  }
  return at < text.size() && text[at] == '%' ? at + 1 : at;
}

/// Behind "(6)", "\\overline{6}", "\\dot{6}" or a combining mark, by which the decimal that ends at
/// `end` repeats; else `end`.
std::size_t repeat_end(std::string_view text, std::size_t begin, std::size_t end) {
  bool decimal = text.substr(begin, end - begin).find('.') != kNone;
  const auto behind_digits = [&](std::size_t at) {
    return std::min(text.find_first_not_of("0123456789", at), text.size());
  };
  for (;;) {
    const bool point = !decimal && end < text.size() && text[end] == '.';
    const std::size_t at = end + (point ? 1 : 0);
    const auto rest = text.substr(std::min(at, text.size()));
    std::size_t next = end;
    for (const std::string_view mark : {"\u0304", "\u0305", "\u0307"})
      if (!point && rest.starts_with(mark)) next = behind_digits(at + mark.size());
    for (const std::string_view name : {"(", "\\overline", "\\bar", "\\dot"}) {
      if (!(decimal || point) || !rest.starts_with(name)) continue;
      const std::size_t open = at + name.size();
      const bool brace = name == "(" || (open < text.size() && text[open] == '{');
      const std::size_t digits = open + (brace && name != "(" ? 1 : 0);
      const std::size_t close = behind_digits(digits);
      const bool closed =
          !brace || (close < text.size() && (text[close] == ')' || text[close] == '}'));
      if (close > digits && closed) next = behind_digits(close + (brace ? 1 : 0));
    }
    if (next == end) return end;
    decimal |= point;
    end = next;
  }
}

/// Behind the "..." of a decimal that ends at `end`; else `end`.
std::size_t dots_end(std::string_view text, std::size_t begin, std::size_t end) {
  if (text.substr(begin, end - begin).find('.') == kNone) return end;
  for (const std::string_view dots : {"...", "…", "\\ldots", "\\dots", "\\cdots"})
    if (text.substr(end).starts_with(dots))
      return std::min(text.find_first_not_of('.', end + dots.size()), text.size());
  return end;
}

/// Behind "× 10^8" that goes on the number which ends at `end`; else `end`.
std::size_t scale_end(std::string_view text, std::size_t end) {
  const auto accept = [&](std::size_t at, std::initializer_list<std::string_view> signs) {
    at = std::min(text.find_first_not_of(' ', at), text.size());
    for (const std::string_view sign : signs)
      if (text.substr(at).starts_with(sign)) return at + sign.size();
    return kNone;
  };
  std::size_t at = accept(end, {"×", "\\times", "\\cdot", "x", "*", "·"});
  if (at != kNone) at = accept(at, {"10^"});
  if (at == kNone) return end;
  const bool brace = at < text.size() && text[at] == '{';
  if (brace) ++at;
  if (at < text.size() && text[at] == '-') ++at;
  const std::size_t digits = std::min(text.find_first_not_of("0123456789", at), text.size());
  const bool closed = !brace || (digits < text.size() && text[digits] == '}');
  return digits > at && closed ? digits + (brace ? 1 : 0) : end;
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

/// Where "minus" or "negative" in front of the number at `begin` stands, unless "minus" follows
/// something to subtract from ("9 minus 2", "x minus 2"); else `begin`.
std::size_t sign_word(std::string_view text, std::size_t begin) {
  std::size_t end = begin;
  while (end > 0 && text[end - 1] == ' ') --end;
  for (const std::string_view word : {"minus", "negative"}) {
    if (end == begin || end < word.size()) continue;
    const std::size_t at = end - word.size();
    const bool found = data::lower_ascii(std::string(text.substr(at, word.size()))) == word;
    if (!found || (at > 0 && is_alnum(text[at - 1]))) continue;
    std::size_t left = at;
    while (left > 0 && text[left - 1] == ' ') --left;
    const bool single =
        left > 0 && is_alnum(text[left - 1]) && (left == 1 || !is_alnum(text[left - 2]));
    const bool operand = left > 0 && (text[left - 1] == ')' || text[left - 1] == '$' ||
                                      is_digit(text[left - 1]) || single);
    return word == "minus" && operand ? begin : at;
  }
  return begin;
}

/// Where a minus in front belongs to the number that begins at `begin`: unless something to
/// subtract from stands before it ("16 -3", "x-3"; but "is -3").
std::size_t with_sign(std::string_view text, std::size_t begin) {
  if (const std::size_t word = sign_word(text, begin); word != begin) return word;
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
    const std::size_t plain = fraction != kNone ? fraction : number_end(text, at);
    const std::size_t behind = scale_end(text, dots_end(text, at, repeat_end(text, at, plain)));
    const std::size_t start = std::exchange(at, behind);
    if (is_power_of_unit(text, start)) continue;
    begin = with_sign(text, start);
    end = behind;
    if (!last) break;
  }
  if (begin == kNone) return {};
  const bool doubted = is_doubted(text, begin, end) || (last && is_no_result(text, begin, end));
  return {with_unit(text.substr(begin, end - begin), text, end), doubted};
}

std::string with_unit(std::string_view value, std::string_view text, std::size_t end) {
  const std::string unit = unit_in_prose(text, end);
  return std::string(value) + (unit.empty() ? "" : "\\text{ " + unit + "}");
}

std::string letter_in(std::string_view text, bool first) {
  char found = '\0';
  bool joined = false;
  std::size_t behind = 0;
  for (const ChoiceLetter& choice : choice_letters(text)) {
    const auto between = text.substr(behind, choice.begin - behind);
    behind = choice.end;
    if (choice.denied) continue;
    // "B. C" names two as "B, C" does.
    const bool beside = choice.joined || between.find_first_not_of(" .:()[]*") == kNone;
    const bool follows = found != '\0' && beside && choice.letter != found;
    if (first && found != '\0' && !follows) break;
    joined = follows;
    if (follows && first) break;
    found = choice.letter;
  }
  if (joined || found == '\0') return {};
  return std::string(1, found);
}

}  // namespace r1::rewards::maths
