#pragma once
// Corrections for the differences between the Unicode versions of this program's libraries and of
// Hugging Face's `tokenizers`.
//
// Hugging Face's `tokenizers` splits by the character classes of Unicode 16 and composes by Unicode
// 9. PCRE2 10.42 implements Unicode 14, and utf8proc 2.8 composes by Unicode 14. With these tables
// newer library versions produce the same results. The tables were made by querying `tokenizers`
// 0.23 for every code point.
#include <cstdint>
#include <string_view>

namespace r1::tokenizer {

/// Code points that joined a general category ("L", "M", "N", "P", "S") in Unicode 15 to 16, as the
/// content of a character class in a regular expression; empty for other categories.
std::string_view newer_code_points(std::string_view category);

/// Whether utf8proc reorders or composes the code point although Unicode 9 does not. Such a code
/// point must stay in place, as a starter that composes with nothing.
bool stands_alone(std::uint32_t code_point);

}  // namespace r1::tokenizer
