#pragma once
// Whole numbers in English words: "seven", "seventy-two", "one hundred and twenty thousand".
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// The number below 10^15 that the words name, as digits; empty when they name none, or anything
/// beside it. Upper and lower case, words parted by blanks or hyphens.
std::string number_in_words(std::string_view words);

}  // namespace r1::rewards::maths
