#include "rewards/maths/number_words.h"

#include <fmt/format.h>

#include <cstdint>
#include <unordered_map>
#include <utility>
#include <vector>

#include "data/text.h"

namespace r1::rewards::maths {
namespace {

const std::unordered_map<std::string, std::int64_t>& small_numbers() {
  static const std::unordered_map<std::string, std::int64_t> numbers{
      {"one", 1},      {"two", 2},        {"three", 3},     {"four", 4},      {"five", 5},
      {"six", 6},      {"seven", 7},      {"eight", 8},     {"nine", 9},      {"ten", 10},
      {"eleven", 11},  {"twelve", 12},    {"thirteen", 13}, {"fourteen", 14}, {"fifteen", 15},
      {"sixteen", 16}, {"seventeen", 17}, {"eighteen", 18}, {"nineteen", 19}, {"twenty", 20},
      {"thirty", 30},  {"forty", 40},     {"fifty", 50},    {"sixty", 60},    {"seventy", 70},
      {"eighty", 80},  {"ninety", 90}};
  return numbers;
}

const std::unordered_map<std::string, std::int64_t>& scales() {
  static const std::unordered_map<std::string, std::int64_t> scales{{"thousand", 1000},
                                                                    {"million", 1000000},
                                                                    {"billion", 1000000000},
                                                                    {"trillion", 1000000000000}};
  return scales;
}

std::vector<std::string> split(std::string_view words) {
  std::vector<std::string> list(1);
  for (const char c : data::lower_ascii(std::string(words))) {
    if (c == ' ' || c == '-')
      list.emplace_back();
    else
      list.back() += c;
  }
  return list;
}

/// Adds up word after word, and says which words may follow.
class Count {
 public:
  bool take(const std::string& word) {
    const bool after_scale = std::exchange(scale_before_, false);
    if (word == "and") {
      open_ = true;
      return after_scale;
    }
    open_ = false;
    if (word == "hundred") {
      scale_before_ = true;
      const bool fits = group_ > 0 && group_ < 100;
      group_ *= 100;
      return fits;
    }
    if (const auto scale = scales().find(word); scale != scales().end()) {
      scale_before_ = true;
      const bool fits = group_ > 0 && group_ < 1000 && scale->second < last_scale_;
      total_ += group_ * scale->second;
      last_scale_ = scale->second;
      group_ = 0;
      return fits;
    }
    const auto number = small_numbers().find(word);
    if (number == small_numbers().end()) return false;
    const auto rest = group_ % 100;  // a unit may follow tens, anything may follow hundreds
    group_ += number->second;
    return rest == 0 || (number->second < 10 && rest >= 20 && rest % 10 == 0);
  }
  bool complete() const { return !open_ && total_ + group_ > 0; }
  std::int64_t value() const { return total_ + group_; }

 private:
  std::int64_t total_ = 0;
  std::int64_t group_ = 0;  // below the next scale
  std::int64_t last_scale_ = 1000000000000000;
  bool scale_before_ = false;
  bool open_ = false;  // "and" wants something behind it
};

/// The part that a word names, "third" or "thirds"; 0: none.
std::int64_t denominator_of(const std::string& word, bool plural) {
  static const std::unordered_map<std::string, std::int64_t> parts{
      {"half", 2},     {"third", 3},      {"quarter", 4},     {"fourth", 4},       {"fifth", 5},
      {"sixth", 6},    {"seventh", 7},    {"eighth", 8},      {"ninth", 9},        {"tenth", 10},
      {"twelfth", 12}, {"twentieth", 20}, {"hundredth", 100}, {"thousandth", 1000}};
  if (!plural) {
    const auto found = parts.find(word);
    return found == parts.end() ? 0 : found->second;
  }
  if (word == "halves") return 2;
  return word.ends_with('s') ? denominator_of(word.substr(0, word.size() - 1), false) : 0;
}

std::string join(const std::vector<std::string>& words, std::size_t begin, std::size_t end) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) text += (i > begin ? " " : "") + words[i];
  return text;
}

/// A whole number in words or digits, "a" and "an" as 1; -1: none.
std::int64_t whole_number(const std::string& words) {
  constexpr std::size_t kMostDigits = 12;
  if (words == "a" || words == "an") return 1;
  const bool digits = !words.empty() && words.size() <= kMostDigits &&
                      words.find_first_not_of("0123456789") == std::string::npos;
  const std::string number = digits ? words : number_in_words(words);
  return number.empty() ? -1 : std::stoll(number);
}

/// "two thirds", "a half", "half": numerator and denominator; {0, 0}: no fraction.
std::pair<std::int64_t, std::int64_t> fraction_in_words(const std::vector<std::string>& words,
                                                        std::size_t begin) {
  if (begin >= words.size()) return {0, 0};
  const std::string& last = words.back();
  if (begin + 1 == words.size()) return last == "half" ? std::pair(1, 2) : std::pair(0, 0);
  const std::int64_t numerator = whole_number(join(words, begin, words.size() - 1));
  const std::int64_t denominator = denominator_of(last, numerator != 1);
  if (numerator <= 0 || denominator == 0) return {0, 0};
  return {numerator, denominator};
}

/// "half a dozen", "two dozen"; -1: none.
std::int64_t dozens(const std::vector<std::string>& words) {
  constexpr std::int64_t kDozen = 12;
  if (words.size() < 2 || (words.back() != "dozen" && words.back() != "dozens")) return -1;
  const std::string count = join(words, 0, words.size() - 1);
  if (count == "half" || count == "half a") return kDozen / 2;
  const std::int64_t number = whole_number(count);
  return number > 0 ? number * kDozen : -1;
}

/// A number without a sign; empty: the words are none, or one that needs no help.
std::string unsigned_number(const std::vector<std::string>& words) {
  if (const auto number = dozens(words); number > 0) return std::to_string(number);
  if (const auto [top, bottom] = fraction_in_words(words, 0); bottom > 0)
    return fmt::format("\\frac{{{}}}{{{}}}", top, bottom);
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (words[i] != "and") continue;
    const std::int64_t whole = whole_number(join(words, 0, i));
    const auto [top, bottom] = fraction_in_words(words, i + 1);
    if (whole >= 0 && bottom > 0 && top < bottom)
      return fmt::format("\\frac{{{}}}{{{}}}", whole * bottom + top, bottom);
  }
  return {};
}

}  // namespace

std::string number_in_words(std::string_view words) {
  constexpr std::size_t kLongest = 200;
  if (words.size() > kLongest) return {};
  auto list = split(words);
  if (list.size() == 1 && list[0] == "zero") return "0";
  if (list.size() > 1 && list[0] == "a") list[0] = "one";  // a hundred
  Count count;
  for (const auto& word : list)
    if (!count.take(word)) return {};
  return count.complete() ? std::to_string(count.value()) : std::string();
}

std::string spelled_number(const std::string& text) {
  constexpr std::size_t kLongest = 200;
  if (text.size() > kLongest) return text;
  const std::string lower = data::lower_ascii(text);
  for (const std::string_view sign : {"minus ", "negative "}) {
    if (!lower.starts_with(sign)) continue;
    const std::string rest = data::trim(std::string_view(text).substr(sign.size()));
    if (!rest.empty() && (rest.front() == '\\' || (rest.front() >= '0' && rest.front() <= '9')))
      return "-" + rest;
    const auto number = number_in_words(rest);
    const auto other = number.empty() ? unsigned_number(split(rest)) : number;
    return other.empty() ? text : "-" + other;
  }
  const auto number = unsigned_number(split(text));
  return number.empty() ? text : number;
}

}  // namespace r1::rewards::maths
