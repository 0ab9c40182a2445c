#pragma once
// LiveCodeBench's packed texts: base64 of zlib's form of a pickled Python string.
#include <string>
#include <string_view>

namespace r1::data {

/// The string inside. Only a pickle of one string is read: nothing of it is executed. Throws:
/// InputError for other bytes, and for a string of more than 256 MiB.
/// Reference: RFC 4648 (base64), RFC 1950 (zlib), CPython Lib/pickletools.py (opcodes).
std::string unpack_pickled_text(std::string_view packed);

}  // namespace r1::data
