#pragma once
// GPT-2's printable byte alphabet: each byte of a token is spelled as one character ("Ġ" is a
// space). Reference: bytes_to_unicode() of GPT-2's encoder.py.
#include <optional>
#include <string>
#include <string_view>

namespace r1::tokenizer {

/// The character that spells a byte.
std::string byte_spelling(unsigned char byte);
/// The bytes of a spelled token; nothing if a character is not in the alphabet.
std::optional<std::string> spelled_bytes(std::string_view token);

}  // namespace r1::tokenizer
