#pragma once
// Conversion of values to text, as by Python's str(), repr() and json.dumps().
#include <string>

#include "jinja/context.h"

namespace r1::jinja {

/// Python's str(), which {{ }} prints.
std::string to_text(Context& context, const Value& value);
/// Python's repr().
std::string to_repr(Context& context, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  // Indentation of one level. With `is_indented` every entry is on a line of its own.
  std::string indent;
  bool is_indented = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(Context& context, const Value& value, const JsonStyle& style);

/// Python's repr of a float: the shortest digits that identify the number.
std::string float_text(double number);

/// The % operator of a text: "%s", "%d", "%5.2f" and similar formats.
std::string formatted(Context& context, const std::string& format, std::vector<Value> values);

}  // namespace r1::jinja
