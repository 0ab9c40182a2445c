#pragma once
// Texts as Python's str has them: sequences of code points. Bytes that are not UTF-8 count as a
// character each.
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::jinja {

/// The first character of a text that is not empty.
std::string_view first_character(std::string_view text);
/// Its number; what is not UTF-8 gives U+FFFD.
char32_t code_point(std::string_view character);
std::string utf8(char32_t code_point);

std::size_t num_characters(std::string_view text);
std::vector<std::string_view> characters(std::string_view text);

bool is_space(char32_t character);
bool is_blank(std::string_view text);  // nothing but white space, or nothing

enum class Side { Left, Right, Both };
/// Without the given characters (none given: white space) at its ends.
std::string_view strip(std::string_view text, Side side,
                       std::optional<std::string_view> what = std::nullopt);

std::string to_upper(std::string_view text);
std::string to_lower(std::string_view text);
/// The first letter upper case, the rest lower case.
std::string capitalized(std::string_view text);
/// The first letter of each word upper case, the rest lower case; `is_break` says where words
/// begin.
std::string titled(std::string_view text, bool (*is_break)(char32_t));
bool is_letter(char32_t character);

/// `text` with at most `count` (-1: all) places of `old` replaced.
std::string replace(std::string_view text, std::string_view old, std::string_view with,
                    long long count = -1);
/// The lines of a text; with `keep_ends` each has its line end.
std::vector<std::string_view> lines(std::string_view text, bool keep_ends = false);

}  // namespace r1::jinja
