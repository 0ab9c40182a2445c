#pragma once
// Values as text, as Python's str(), repr() and json.dumps() write them.
#include <string>

#include "jinja/context.h"

namespace r1::jinja {

/// Python's str(): what {{ }} prints.
std::string to_text(Context& context, const Value& value);
/// Python's repr().
std::string to_repr(Context& context, const Value& value);

struct JsonStyle {
  bool ensure_ascii = false;
  std::string indent;  // one level of it; with `is_indented` entries have lines of their own
  bool is_indented = false;
  std::string item_separator = ", ";
  std::string key_separator = ": ";
  bool sort_keys = false;
};
std::string to_json(Context& context, const Value& value, const JsonStyle& style);

/// Python's repr of a float: the shortest digits that give it back.
std::string float_text(double number);

/// The % operator of a text: "%s", "%d", "%5.2f" and their like.
std::string formatted(Context& context, const std::string& format, std::vector<Value> values);

}  // namespace r1::jinja
