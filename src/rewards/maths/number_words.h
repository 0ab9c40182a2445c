#pragma once
// Whole numbers in English words: "seven", "seventy-two", "one hundred and twenty thousand".
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// Returns as digits the number below 10^15 that the words name; empty if the words name no number,
/// or contain other words. Case is ignored; words are separated by blanks or hyphens.
std::string number_in_words(std::string_view words);

}  // namespace r1::rewards::maths
