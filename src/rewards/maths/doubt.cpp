#include "rewards/maths/doubt.h"

#include <algorithm>
#include <array>

#include "data/text.h"
#include "rewards/maths/scan.h"
#include "rewards/maths/units.h"
#include "rewards/maths/vocabulary.h"

namespace r1::rewards::maths {
namespace {

constexpr auto kNone = std::string_view::npos;
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

bool starts_with_any(std::string_view text, std::span<const std::string_view> list) {
  return std::any_of(list.begin(), list.end(),
                     [text](std::string_view word) { return text.starts_with(word); });
}

bool ends_with_any(std::string_view text, std::span<const std::string_view> list) {
  return std::any_of(list.begin(), list.end(),
                     [text](std::string_view word) { return text.ends_with(word); });
}

std::string_view without_leading(std::string_view text, std::string_view characters) {
  return text.substr(std::min(text.find_first_not_of(characters), text.size()));
}

/// Whether what stands here can be added or multiplied: a digit, a macro, a letter alone.
bool is_operand(std::string_view text) {
  text = without_leading(text, " $");
  if (text.empty()) return false;
  return is_digit(text[0]) || text[0] == '\\' ||
         (is_alnum(text[0]) && (text.size() == 1 || !is_alnum(text[1])));
}

/// "if odd, else 6", "if it is odd and 6 if not"; but "if they sell all".
bool names_another_case(std::string_view condition) {
  const std::string_view sentence =
      condition.substr(0, std::min(condition.find_first_of(".\n"), condition.size()));
  return sentence.find("else") != kNone || sentence.find("otherwise") != kNone ||
         sentence.find_first_of("0123456789") != kNone;
}

/// "5x", "5π", "5 + 3", "5 squared", "5 over 7", "5 if odd, else 6": the number is not all of the
/// value.
bool goes_on(std::string_view after) {
  static constexpr std::array<std::string_view, 8> kSigns{"√", "π", "×", "÷", "²", "³", "·", "⋅"};
  static constexpr std::string_view kUnits = "mgLlshNdcCFKJWVA";
  static constexpr std::array<std::string_view, 2> kFirst{"minus", "plus"};
  static constexpr std::array<std::string_view, 3> kBeforeNumber{"over ", "times ", "of "};
  static constexpr std::array<std::string_view, 3> kMore{"and a ", "and half", "percent of"};
  const bool name = !after.empty() && is_alnum(after[0]) && is_operand(after);
  if (name && kUnits.find(after[0]) == kNone) return true;
  const std::string_view rest = without_leading(after, " $");
  if (after.starts_with('^') || starts_with_any(rest, kSigns) || starts_with_any(rest, kMore))
    return true;
  if (rest.starts_with('+') || rest.starts_with('/')) return is_operand(rest.substr(1));
  const std::size_t space = rest.find(' ');
  if (rest.starts_with('-') || rest.starts_with('*') ||
      (space != kNone && starts_with_any(rest, kBeforeNumber))) {
    const std::size_t behind = rest.starts_with('-') || rest.starts_with('*') ? 1 : space;
    const std::string_view next = without_leading(rest.substr(behind), " ");
    return !next.empty() && is_digit(next[0]);
  }
  const auto words = words_of(rest.substr(0, kWindow));
  const bool adjacent = !rest.empty() && is_alnum(rest[0]);
  if (!adjacent || words.empty()) return false;
  return any_of_words(words, 0, 1, kFirst) || changes_value(words[0]) ||
         (words[0] == "if" && names_another_case(rest));
}

bool is_helping_verb(const std::string& word) {
  return word == "did" || word == "do" || word == "will" || word == "have" || word == "had";
}

/// "x5", "tz5": letters that are neither a macro ("\\quad5") nor a currency ("USD5") end here.
bool ends_in_a_name(std::string_view before) {
  const auto is_letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  std::size_t start = before.size();
  while (start > 0 && is_letter(before[start - 1])) --start;
  const std::string word(before.substr(start));
  const bool macro = start > 0 && before[start - 1] == '\\';
  static constexpr std::array<std::string_view, 8> kCurrencies{"Rs",  "KRW", "USD", "EUR",
                                                               "GBP", "JPY", "CNY", "INR"};
  return !word.empty() && !macro &&
         std::find(kCurrencies.begin(), kCurrencies.end(), word) == kCurrencies.end();
}

/// "3 + 5", "√5", "2^5", "x > 5": the number belongs to what stands before it.
bool is_continued(std::string_view before) {
  static constexpr std::array<std::string_view, 16> kSigns{
      "√", "π", "×",  "÷",    "·",     "⋅",    "≤",     "≥",
      "≠", "^", "^{", "\\le", "\\leq", "\\ge", "\\geq", "\\ne"};
  static constexpr std::array<std::string_view, 6> kWords{" minus",  " plus",    " times",
                                                          "half of", "third of", "quarter of"};
  static constexpr std::array<std::string_view, 5> kWrappers{"text{", "bf{", "rm{", "boxed{",
                                                             "box{"};
  const std::size_t last = before.find_last_not_of(" $");
  if (last == kNone) return false;
  constexpr std::string_view kGlue = "_&#@%!?\\";  // "x_5", "&5": no word of its own
  if (ends_in_a_name(before) || kGlue.find(before.back()) != kNone) return true;
  before = before.substr(0, last + 1);
  if (ends_with_any(before, kSigns) || ends_with_any(before, kWords)) return true;
  if (before.ends_with('{')) return !ends_with_any(before, kWrappers);  // a formula cut off
  const char sign = before.back();
  before.remove_suffix(1);
  if (sign == '<' || sign == '>')  // "=> 5" and "-> 5" are arrows
    return !before.empty() && before.back() != '=' && before.back() != '-';
  if (std::string_view("+-*/").find(sign) == kNone) return false;
  const std::size_t operand = before.find_last_not_of(" $");
  if (operand == kNone) return false;
  const char c = before[operand];
  const bool alone = operand == 0 || !is_alnum(before[operand - 1]);
  const bool factor = operand > 0 && is_digit(before[operand - 1]);  // 2y + 3
  const bool name = is_alnum(c) && (alone || factor) && static_cast<unsigned char>(c) < 0x80;
  return is_digit(c) || c == ')' || (sign != '*' && name);
}

}  // namespace

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

bool any_of_words(const std::vector<std::string>& words, std::size_t from, std::size_t to,
                  std::span<const std::string_view> list) {
  for (std::size_t k = from; k < std::min(to, words.size()); ++k)
    if (std::find(list.begin(), list.end(), words[k]) != list.end()) return true;
  return false;
}

bool is_doubted(std::string_view text, std::size_t begin, std::size_t end) {
  if (is_second_of_two(text, begin) || is_questioned(text, end)) return true;
  if (goes_on(text.substr(end)) || is_continued(text.substr(0, begin))) return true;
  static constexpr std::array<std::string_view, 20> kBefore{
      "not",     "isn",      "never",   "cannot",  "can",    "between", "than",
      "least",   "most",     "neither", "exclude", "wasn",   "either",  "aren",
      "whether", "anything", "close",   "almost",  "nearly", "doubt"};
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
  const bool against = clause_after(text, end).starts_with(", not ");  // "5, not 6"
  constexpr std::size_t kBehind = 3;
  const auto taken_back = [&] {
    for (std::size_t k = 0; k < std::min(kBehind, after.size()); ++k) {
      // "26 people did not come" says nothing against 26, "26 is not it" does.
      const bool of_others = after[k] == "not" && k > 0 && is_helping_verb(after[k - 1]);
      if (std::find(kAfter.begin(), kAfter.end(), after[k]) != kAfter.end() && !of_others)
        return true;
    }
    return false;
  };
  return denied() || (!against && taken_back());
}

bool is_power_of_unit(std::string_view text, std::size_t begin) {
  std::string_view before = text.substr(0, begin);
  if (before.ends_with('-')) before.remove_suffix(1);
  if (before.ends_with('{')) before.remove_suffix(1);
  if (!before.ends_with('^')) return false;
  before.remove_suffix(1);
  while (!before.empty() && (before.back() == '$' || before.back() == '}')) before.remove_suffix(1);
  std::size_t start = before.size();
  while (start > 0 && is_alnum(before[start - 1])) --start;
  const std::string word(before.substr(start));
  return !read_unit(word).empty() || word == "unit" || word == "units";
}

bool is_no_result(std::string_view text, std::size_t begin, std::size_t end) {
  static constexpr std::array<std::string_view, 5> kAdmissions{"not know", "n't know", "not sure",
                                                               "unsure", "모르"};
  static constexpr std::array<std::string_view, 10> kLabels{
      "step", "question", "problem", "equation", "figure",
      "part", "case",     "page",    "chapter",  "section"};
  const std::string after = data::lower_ascii(text.substr(end));
  const bool admitted =
      std::any_of(kAdmissions.begin(), kAdmissions.end(),
                  [&](std::string_view words) { return after.find(words) != std::string::npos; });
  const std::string before = data::lower_ascii(clause_before(text, begin));
  const std::string trimmed = data::trim(before);
  return admitted || (trimmed.size() < before.size() && ends_with_any(trimmed, kLabels));
}

}  // namespace r1::rewards::maths
