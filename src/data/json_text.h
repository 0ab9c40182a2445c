#pragma once
// JSON in and out with every digit: an integer that no 64 bits hold is kept as it was written.
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace r1::data {

/// Reads one JSON value. An integer beyond 64 bits becomes a binary value that holds its digits,
/// which no other JSON text gives. Json: nlohmann::json or ordered_json. Throws: InputError "not
/// JSON: …" with line and column, or "nested deeper than n levels".
template <class Json>
Json parse_json(std::string_view text, int nesting = 512);
/// The same for nlohmann::json; a discarded value instead of an exception.
nlohmann::json parse_json_or_discard(std::string_view text);

/// JSON on one line, each integer with its digits; half a character, as a model may write it, is
/// replaced.
template <class Json>
std::string dump_json(const Json& value);
/// A text as it is, anything else as JSON writes it.
template <class Json>
std::string json_text(const Json& value);
/// Whether a value is a number, of any size.
template <class Json>
bool is_json_number(const Json& value) {
  return value.is_number() || value.is_binary();
}

}  // namespace r1::data
