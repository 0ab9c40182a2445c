#pragma once
// Numbers in English words: "seven", "seventy-two", "one hundred and twenty thousand", "minus two
// thirds".
#include <string>
#include <string_view>

namespace r1::rewards::maths {

/// Returns as digits the number below 10^15 that the words name; empty if the words name no number,
/// or contain other words. Case is ignored; words are separated by blanks or hyphens.
std::string number_in_words(std::string_view words);

/// Returns a text that is a number with more words as maths, other texts as they are: "minus 7" is
/// -7, "negative twelve" -12, "two thirds" 2/3, "2 and a half" 5/2, "half a dozen" 6.
/// "twenty-third" and "third" name places in an order and stay.
std::string spelled_number(const std::string& text);

}  // namespace r1::rewards::maths
