#pragma once
// What the operators of expressions do, as Python's.
#include <optional>
#include <string>

#include "jinja/context.h"

namespace r1::jinja {

/// + - * / // % **
Value binary(Context& context, const std::string& sign, const Value& a, const Value& b);
Value negated(Context& context, const Value& value);
/// == != < <= > >= in, not in
bool compare(Context& context, const std::string& sign, const Value& a, const Value& b);
/// Negative, zero or positive. Throws: InputError for values without an order.
int order(Context& context, const Value& a, const Value& b);
bool contains(Context& context, const Value& container, const Value& item);

/// Python's len().
std::size_t length(Context& context, const Value& value);
/// The values a loop over it runs through. Throws: InputError for what cannot be looped over.
std::vector<Value> items_of(Context& context, const Value& value);

/// value.name: a method or, of a mapping, an entry. Undefined when there is none.
Value attribute(Context& context, const Value& value, const std::string& name);
/// value[key]. Undefined when there is none.
Value item(Context& context, const Value& value, const Value& key);
/// value[begin:end:step]; undefined bounds are left out.
Value slice(Context& context, const Value& value, const Value& begin, const Value& end,
            const Value& step);

}  // namespace r1::jinja
