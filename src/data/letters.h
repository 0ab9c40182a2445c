#pragma once
// Letters by their Unicode categories: what is part of a word, and which case a letter has.
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::data {

/// Whether Python's \w matches the code point: a letter, a number, or '_'.
bool is_word_character(std::int32_t code_point);

enum class LetterCase { None, Lower, Upper };
/// None: a letter of a script without case, or no letter.
LetterCase letter_case(std::int32_t code_point);

/// Lower case of all letters, character by character; bytes that are no UTF-8 stay as they are.
std::string lower(std::string_view text);

}  // namespace r1::data
