#pragma once
// Texts as in Python's str: sequences of code points. A byte that is not valid UTF-8 counts as one
// character.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::jinja {

/// The first character of a non-empty text.
std::string_view first_character(std::string_view text);
/// The code point of a character; invalid UTF-8 gives U+FFFD.
char32_t code_point(std::string_view character);
std::string utf8(char32_t code_point);

std::size_t num_characters(std::string_view text);
std::vector<std::string_view> characters(std::string_view text);

bool is_space(char32_t character);
bool is_blank(std::string_view text);  // empty, or only white space

enum class Side { Left, Right, Both };
/// Removes the given characters (default: white space) from the ends of the text.
std::string_view strip(std::string_view text, Side side,
                       std::optional<std::string_view> what = std::nullopt);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
/// Makes the first letter upper case and the rest lower case.
std::string capitalized(std::string_view text);
/// Makes the first letter of each word upper case and the rest lower case. `is_break`: whether a
/// character separates words.
std::string titled(std::string_view text, bool (*is_break)(char32_t));
bool is_letter(char32_t character);

/// Replaces at most `count` (-1: all) occurrences of `old`.
std::string replace(std::string_view text, std::string_view old, std::string_view with,
                    long long count = -1);
/// The lines of a text; with `keep_ends` each line keeps its line end.
std::vector<std::string_view> lines(std::string_view text, bool keep_ends = false);

}  // namespace r1::jinja
