#pragma once
// Reads JSON that others wrote: what could hide or crash is refused, and errors name the file.
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

namespace r1::base {

/// `source` (a file) is named in errors. Throws: InputError for a syntax error, a key that comes
/// twice in an object, or nesting deeper than 100 (printing deeper values would end the stack).
nlohmann::json parse_json(std::string_view text, const std::string& source);

}  // namespace r1::base
