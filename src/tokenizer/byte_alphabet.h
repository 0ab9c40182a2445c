#pragma once
// GPT-2's printable spelling of bytes: each byte of a token is one character ("Ġ" is a space).
// Reference: bytes_to_unicode() of GPT-2's encoder.py.
#include <optional>
#include <string>
#include <string_view>

namespace r1::tokenizer {

/// The character that stands for a byte.
std::string byte_spelling(unsigned char byte);
/// The bytes a token stands for; none when a character is not of the alphabet.
std::optional<std::string> spelled_bytes(std::string_view token);

}  // namespace r1::tokenizer
