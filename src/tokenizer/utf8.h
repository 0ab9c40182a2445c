#pragma once
// UTF-8: boundaries of characters in bytes, and replacement of invalid bytes.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace r1::tokenizer {

enum class Utf8Status { Complete, Invalid, Truncated };

/// The character at the start of a non-empty text. Invalid: `length` bytes count as one U+FFFD (the
/// longest prefix that could begin a character, at least 1). Truncated: the text ends inside the
/// character.
struct Utf8Character {
  Utf8Status status;
  std::size_t length;
  std::uint32_t code_point;  // if Complete
};
Utf8Character next_character(std::string_view text);

bool is_valid_utf8(std::string_view text);
/// Replaces each invalid part by U+FFFD, as Python's errors="replace" and Rust's from_utf8_lossy
/// do.
std::string replace_invalid_utf8(std::string_view text);
void append_utf8(std::uint32_t code_point, std::string& out);

}  // namespace r1::tokenizer
