#pragma once
// Filters, tests, functions and methods of the template language, by name. Reference: jinja2 3.1,
// filters.py and tests.py; Python's str, dict and list; additions of transformers: tojson without
// HTML escapes, raise_exception, strftime_now.
#include <memory>
#include <optional>
#include <string_view>

#include "jinja/context.h"

namespace r1::jinja {

/// A builtin. The first value of the call is the operand of the filter, test or method.
using Builtin = Value (*)(Call&);

/// These functions return null if the name is unknown.
Builtin find_filter(std::string_view name);
Builtin find_test(std::string_view name);
/// A method, bound to the value on which it is called.
std::shared_ptr<const Function> find_method(const Value& value, const std::string& name);
/// range, namespace, dict, raise_exception, strftime_now, joiner.
std::optional<Value> find_global(std::string_view name);

/// Throws: InputError naming an unknown filter or test.
Value apply_filter(Context& context, const std::string& name, std::vector<Value> values,
                   std::vector<std::pair<std::string, Value>> named);
bool apply_test(Context& context, const std::string& name, std::vector<Value> values,
                std::vector<std::pair<std::string, Value>> named);

/// The attribute that a filter's argument names: "function.name", or an index.
Value by_path(Context& context, const Value& value, const Value& path);

// Parts of the table of filters.
Builtin find_text_filter(std::string_view name);
Builtin find_sequence_filter(std::string_view name);

/// The result of namespace(): the only value whose attributes can be set.
struct Namespace : Object {
  std::vector<std::pair<std::string, Value>> attributes;

  Value attribute(const std::string& name) const override;
  const char* type_name() const override { return "a namespace"; }
  void set(Context& context, const std::string& name, Value value);
};

}  // namespace r1::jinja
