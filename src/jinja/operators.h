#pragma once
// The operators of expressions, as defined in Python.
#include <optional>
#include <string>

#include "jinja/context.h"

namespace r1::jinja {

/// + - * / // % **
Value binary(Context& context, const std::string& sign, const Value& a, const Value& b);
Value negated(Context& context, const Value& value);
/// == != < <= > >= in, not in
bool compare(Context& context, const std::string& sign, const Value& a, const Value& b);
/// Negative, zero or positive, as a < b, a == b or a > b. Throws: InputError for values without an
/// order.
int order(Context& context, const Value& a, const Value& b);
bool contains(Context& context, const Value& container, const Value& item);

/// Python's len().
std::size_t length(Context& context, const Value& value);
/// The values of a loop over `value`. Throws: InputError if `value` is not iterable.
std::vector<Value> items_of(Context& context, const Value& value);

/// value.name: a method, or an entry of a mapping; Undefined if there is none.
Value attribute(Context& context, const Value& value, const std::string& name);
/// value[key]; Undefined if there is none.
Value item(Context& context, const Value& value, const Value& key);
/// value[begin:end:step]; an undefined bound means a missing bound.
Value slice(Context& context, const Value& value, const Value& begin, const Value& end,
            const Value& step);

}  // namespace r1::jinja
