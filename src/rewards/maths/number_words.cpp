#include "rewards/maths/number_words.h"

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

}  // namespace r1::rewards::maths
