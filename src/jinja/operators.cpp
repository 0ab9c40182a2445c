#include "jinja/operators.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "jinja/builtins.h"
#include "jinja/print.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

[[noreturn]] void refuse(Context& context, const std::string& sign, const Value& a,
                         const Value& b) {
  const auto named = [](const Value& value) {
    return value.is_undefined() ? value.undefined().what + ", which is undefined,"
                                : std::string(value.type_name());
  };
  context.fail(fmt::format("'{}' cannot join {} and {}", sign, named(a), named(b)));
}

std::int64_t floor_divide(std::int64_t a, std::int64_t b) {
  const std::int64_t quotient = a / b;
  return a % b != 0 && ((a < 0) != (b < 0)) ? quotient - 1 : quotient;
}

std::int64_t power(Context& context, std::int64_t base, std::int64_t exponent) {
  std::int64_t result = 1;
  if (base == 0 || base == 1) return exponent == 0 ? 1 : base;
  if (base == -1) return exponent % 2 == 0 ? 1 : -1;
  for (std::int64_t i = 0; i < exponent; ++i)
    if (__builtin_mul_overflow(result, base, &result))
      context.fail("'**': the result is too large");
  return result;
}

Value integers(Context& context, const std::string& sign, std::int64_t a, std::int64_t b) {
  std::int64_t result = 0;
  bool overflows = false;
  if (sign == "+") {
    overflows = __builtin_add_overflow(a, b, &result);
  } else if (sign == "-") {
    overflows = __builtin_sub_overflow(a, b, &result);
  } else if (sign == "*") {
    overflows = __builtin_mul_overflow(a, b, &result);
  } else {
    if (b == 0 && sign != "**") context.fail(fmt::format("'{}': division by zero", sign));
    if (sign == "/") return double(a) / double(b);
    if (sign == "**") return b < 0 ? Value(std::pow(double(a), double(b))) : power(context, a, b);
    if (b == -1 && sign == "%") return std::int64_t{0};
    overflows = b == -1 && a == std::numeric_limits<std::int64_t>::min();
    if (!overflows) {
      result = floor_divide(a, b);
      if (sign == "%") result = a - result * b;
    }
  }
  if (overflows) context.fail(fmt::format("'{}': the result is too large", sign));
  return result;
}

Value reals(Context& context, const std::string& sign, double a, double b) {
  if (sign == "+") return a + b;
  if (sign == "-") return a - b;
  if (sign == "*") return a * b;
  if (sign == "**") return std::pow(a, b);
  if (b == 0.0) context.fail(fmt::format("'{}': division by zero", sign));
  if (sign == "/") return a / b;
  if (sign == "//") return std::floor(a / b);
  const double rest = std::fmod(a, b);
  return rest != 0.0 && (rest < 0.0) != (b < 0.0) ? rest + b : rest;
}

Value repeated(Context& context, const Value& value, std::int64_t count) {
  const auto times = static_cast<std::size_t>(std::max<std::int64_t>(count, 0));
  const std::size_t size =
      value.is_string() ? value.string().size() : value.sequence().items.size();
  std::size_t total = 0;
  if (__builtin_mul_overflow(times, size, &total) || total > (std::size_t{1} << 40))
    context.fail("'*': the result is too large");
  if (value.is_string()) {
    context.spend_text(total);
    std::string out;
    for (std::size_t i = 0; i < times && size > 0; ++i) out += value.string();
    return Value(std::move(out));
  }
  context.spend(total);
  std::vector<Value> items;
  for (std::size_t i = 0; i < times && size > 0; ++i)
    items.insert(items.end(), value.sequence().items.begin(), value.sequence().items.end());
  return context.list(std::move(items), value.sequence().kind);
}

bool is_list(const Value& value) {
  return value.is_sequence() && (value.sequence().kind == SequenceKind::List ||
                                 value.sequence().kind == SequenceKind::Tuple);
}

Value joined(Context& context, const Value& a, const Value& b) {
  if (a.is_string()) {
    context.spend_text(a.string().size() + b.string().size());
    return Value(a.string() + b.string());
  }
  std::vector<Value> items = a.sequence().items;
  items.insert(items.end(), b.sequence().items.begin(), b.sequence().items.end());
  return context.list(std::move(items), a.sequence().kind);
}

/// The bounds of a slice over `size` items, as Python's slice.indices().
struct Range {
  std::int64_t begin, end, step;
};
Range range_of(Context& context, std::size_t size, const Value& begin, const Value& end,
               const Value& step) {
  const auto number = [&context](const Value& value, std::int64_t otherwise) {
    if (value.is_undefined() || value.is_none()) return otherwise;
    if (!value.is_integral())
      context.fail(fmt::format("a slice expects integers, found {}", value.type_name()));
    return value.integer();
  };
  const auto count = static_cast<std::int64_t>(size);
  Range range{0, 0, number(step, 1)};
  if (range.step == 0) context.fail("the step of a slice is zero");
  const bool forward = range.step > 0;
  const auto bound = [&](const Value& value, std::int64_t otherwise) {
    std::int64_t at = number(value, otherwise);
    if (value.is_undefined() || value.is_none()) return at;
    if (at < 0) at = at < -count ? (forward ? 0 : -1) : at + count;
    return std::min(at, forward ? count : count - 1);
  };
  range.begin = bound(begin, forward ? 0 : count - 1);
  range.end = bound(end, forward ? count : -1);
  return range;
}

template <class Take>
void for_each_in(const Range& range, Take take) {
  for (std::int64_t i = range.begin; range.step > 0 ? i < range.end : i > range.end;) {
    take(static_cast<std::size_t>(i));
    if (__builtin_add_overflow(i, range.step, &i)) break;
  }
}

std::optional<std::size_t> index_in(std::int64_t index, std::size_t size) {
  if (index < 0) index += static_cast<std::int64_t>(size);
  if (index < 0 || index >= static_cast<std::int64_t>(size)) return std::nullopt;
  return static_cast<std::size_t>(index);
}

}  // namespace

Value binary(Context& context, const std::string& sign, const Value& a, const Value& b) {
  context.spend(1);
  if (a.is_integral() && b.is_integral()) return integers(context, sign, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return reals(context, sign, a.real(), b.real());
  if (sign == "+" && a.is_string() && b.is_string()) return joined(context, a, b);
  if (sign == "+" && is_list(a) && is_list(b) && a.sequence().kind == b.sequence().kind)
    return joined(context, a, b);
  if (sign == "*" && (a.is_string() || is_list(a)) && b.is_integral())
    return repeated(context, a, b.integer());
  if (sign == "*" && (b.is_string() || is_list(b)) && a.is_integral())
    return repeated(context, b, a.integer());
  if (sign == "%" && a.is_string()) {
    const bool is_tuple = b.is_sequence() && b.sequence().kind == SequenceKind::Tuple;
    return context.text(
        formatted(context, a.string(), is_tuple ? b.sequence().items : std::vector<Value>{b}));
  }
  refuse(context, sign, a, b);
}

Value negated(Context& context, const Value& value) {
  if (value.is_float()) return -value.real();
  if (!value.is_integral()) refuse(context, "-", value, value);
  return integers(context, "-", 0, value.integer());
}

int order(Context& context, const Value& a, const Value& b) {
  context.spend(1);
  const auto sign = [](const auto& left, const auto& right) {
    return left < right ? -1 : right < left ? 1 : 0;
  };
  if (a.is_integral() && b.is_integral()) return sign(a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return sign(a.real(), b.real());
  if (a.is_string() && b.is_string()) return sign(a.string(), b.string());
  if (is_list(a) && is_list(b)) {
    const auto& left = a.sequence().items;
    const auto& right = b.sequence().items;
    for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i)
      if (!equal(left[i], right[i])) return order(context, left[i], right[i]);
    return sign(left.size(), right.size());
  }
  refuse(context, "<", a, b);
}

bool compare(Context& context, const std::string& sign, const Value& a, const Value& b) {
  context.spend(1);
  if (sign == "==" || sign == "!=") {
    context.spend(std::min(a.weight(), b.weight()) / 8);
    return equal(a, b) == (sign == "==");
  }
  if (sign == "in") return contains(context, b, a);
  if (sign == "not in") return !contains(context, b, a);
  const int found = order(context, a, b);
  return sign == "<" ? found < 0 : sign == "<=" ? found <= 0 : sign == ">" ? found > 0 : found >= 0;
}

bool contains(Context& context, const Value& container, const Value& item) {
  if (container.is_string()) {
    if (!item.is_string()) refuse(context, "in", item, container);
    context.spend(1 + container.string().size() / 64);
    return container.string().find(item.string()) != std::string::npos;
  }
  if (container.is_mapping()) {
    context.spend(1 + container.mapping().entries.size() / 8);
    return container.mapping().find(item) != nullptr;
  }
  if (container.is_undefined()) return false;
  if (!container.is_sequence()) refuse(context, "in", item, container);
  const auto& items = container.sequence().items;
  context.spend(1 + container.weight() / 8);
  return std::any_of(items.begin(), items.end(),
                     [&item](const Value& one) { return equal(one, item); });
}

std::size_t length(Context& context, const Value& value) {
  if (value.is_string()) {
    context.spend(1 + value.string().size() / 64);
    return num_characters(value.string());
  }
  if (value.is_mapping()) return value.mapping().entries.size();
  if (value.is_sequence() && value.sequence().kind != SequenceKind::Generator)
    return value.sequence().items.size();
  if (value.is_undefined()) return 0;
  context.fail(fmt::format("{} has no length", value.type_name()));
}

std::vector<Value> items_of(Context& context, const Value& value) {
  std::vector<Value> items;
  if (value.is_sequence()) {
    items = value.sequence().items;
  } else if (value.is_mapping()) {
    for (const auto& entry : value.mapping().entries) items.push_back(entry.first);
  } else if (value.is_string()) {
    context.spend(value.string().size());
    for (const std::string_view character : characters(value.string()))
      items.emplace_back(character);
  } else if (!value.is_undefined()) {
    context.fail(fmt::format("{} cannot be looped over", value.type_name()));
  }
  context.spend(1 + items.size());
  return items;
}

Value attribute(Context& context, const Value& value, const std::string& name) {
  context.spend(1);
  if (value.is_undefined())
    context.fail(fmt::format("{} is undefined and has no '{}'", value.undefined().what, name));
  if (value.is_object()) return value.object()->attribute(name);
  if (const auto method = find_method(value, name)) return Value(method);
  if (value.is_mapping()) {
    context.spend(value.mapping().entries.size() / 8);
    if (const Value* found = value.mapping().find(std::string_view(name))) return *found;
  }
  return Undefined{"'" + name + "'"};
}

Value item(Context& context, const Value& value, const Value& key) {
  context.spend(1);
  if (value.is_undefined())
    context.fail(fmt::format("{} is undefined and has no items", value.undefined().what));
  if (value.is_mapping()) {
    context.spend(value.mapping().entries.size() / 8);
    if (const Value* found = value.mapping().find(key)) return *found;
  }
  if (key.is_integral() && value.is_sequence() && is_list(value)) {
    const auto& items = value.sequence().items;
    if (const auto at = index_in(key.integer(), items.size())) return items[*at];
    return Undefined{fmt::format("item {}", key.integer())};
  }
  if (key.is_integral() && value.is_string()) {
    context.spend(value.string().size() / 16);
    const auto all = characters(value.string());
    if (const auto at = index_in(key.integer(), all.size())) return Value(all[*at]);
    return Undefined{fmt::format("character {}", key.integer())};
  }
  if (key.is_string()) return attribute(context, value, key.string());
  return Undefined{"an item"};
}

Value slice(Context& context, const Value& value, const Value& begin, const Value& end,
            const Value& step) {
  if (value.is_string()) {
    context.spend(value.string().size() / 16);
    const auto all = characters(value.string());
    std::string out;
    for_each_in(range_of(context, all.size(), begin, end, step),
                [&](std::size_t i) { out += all[i]; });
    return context.text(std::move(out));
  }
  if (!is_list(value)) context.fail(fmt::format("{} cannot be cut by a slice", value.type_name()));
  const auto& all = value.sequence().items;
  std::vector<Value> out;
  for_each_in(range_of(context, all.size(), begin, end, step),
              [&](std::size_t i) { out.push_back(all[i]); });
  return context.list(std::move(out), value.sequence().kind);
}

}  // namespace r1::jinja
