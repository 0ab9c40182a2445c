#pragma once
// Where the Unicode versions of our libraries and of the tokenizers that made the models' ids
// differ.
//
// Hugging Face's `tokenizers` splits by classes of Unicode 16 and composes by Unicode 9.
// PCRE2 10.42 knows Unicode 14, and utf8proc 2.8 composes by Unicode 14; newer libraries give the
// same with these tables. Made by asking `tokenizers` 0.23 about every code point.
#include <cstdint>
#include <string_view>

namespace r1::tokenizer {

/// Code points that a general category ("L", "M", "N", "P", "S") gained in Unicode 15 to 16, as the
/// inside of a regular expression's character class; empty for other categories.
std::string_view newer_code_points(std::string_view category);

/// Whether utf8proc reorders or composes the code point where Unicode 9 does not: it is to be left
/// where it stands, as a starter that composes with nothing.
bool stands_alone(std::uint32_t code_point);

}  // namespace r1::tokenizer
