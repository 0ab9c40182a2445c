#pragma once
// Decides from the words and signs around a number or letter in prose whether the number or letter
// is denied, one of several, or a part of a longer expression.
#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace r1::rewards::maths {

/// The Latin words of a text in lower case.
std::vector<std::string> words_of(std::string_view text);
/// Whether one of words[from, to) is in the list.
bool any_of_words(const std::vector<std::string>& words, std::size_t from, std::size_t to,
                  std::span<const std::string_view> list);
/// Whether the number text[begin, end) is not an answer by itself: "not 5", "cannot be 5", "at
/// least 5", "between 5 and", "5 is wrong", "5 or 6", "5 million", "5x", "3 + 5".
bool is_doubted(std::string_view text, std::size_t begin, std::size_t end);
/// Whether the number that begins at `begin` is the exponent of a unit: "10 in$^2$".
bool is_power_of_unit(std::string_view text, std::size_t begin);
/// Whether the last number of a text is not a result: "Step 5", or a number followed by "I do not
/// know".
bool is_no_result(std::string_view text, std::size_t begin, std::size_t end);

}  // namespace r1::rewards::maths
