#pragma once
// Bytes as base64 text. Reference: RFC 4648, section 4.
#include <string>
#include <string_view>

namespace r1::base {

std::string to_base64(std::string_view bytes);
/// Ignores line ends and padding. Throws: InputError on a character that base64 does not have.
std::string from_base64(std::string_view text);

}  // namespace r1::base
