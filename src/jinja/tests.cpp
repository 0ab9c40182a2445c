// The tests after "is", and the calls of filters and tests.
#include <algorithm>
#include <array>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/text.h"

namespace r1::jinja {
namespace {

/// A test of the value alone.
template <bool (*Holds)(const Value&)>
Value of_value(Call& call) {
  call.bind({"value"}, 1);
  return Holds(call.values[0]);
}

bool is_defined(const Value& v) {
  return !v.is_undefined();
}
bool is_undefined(const Value& v) {
  return v.is_undefined();
}
bool is_none(const Value& v) {
  return v.is_none();
}
bool is_string(const Value& v) {
  return v.is_string();
}
bool is_mapping(const Value& v) {
  return v.is_mapping();
}
bool is_iterable(const Value& v) {
  return v.is_string() || v.is_sequence() || v.is_mapping() || v.is_undefined();
}
bool is_sequence(const Value& v) {
  const bool indexed = v.is_sequence() && (v.sequence().kind == SequenceKind::List ||
                                           v.sequence().kind == SequenceKind::Tuple);
  return indexed || v.is_string() || v.is_mapping() || v.is_undefined();
}
bool is_number(const Value& v) {
  return v.is_number();
}
bool is_integer(const Value& v) {
  return v.is_int();
}
bool is_float(const Value& v) {
  return v.is_float();
}
bool is_boolean(const Value& v) {
  return v.is_bool();
}
bool is_the_true(const Value& v) {
  return v.is_bool() && v.truth();
}
bool is_the_false(const Value& v) {
  return v.is_bool() && !v.truth();
}
bool is_callable(const Value& v) {
  return v.is_function();
}
bool is_lower(const Value& v) {
  return v.is_string() && v.string() == to_lower(v.string()) && v.string() != to_upper(v.string());
}
bool is_upper(const Value& v) {
  return v.is_string() && v.string() == to_upper(v.string()) && v.string() != to_lower(v.string());
}
bool is_filter(const Value& v) {
  return v.is_string() && find_filter(v.string()) != nullptr;
}
bool is_test(const Value& v) {
  return v.is_string() && find_test(v.string()) != nullptr;
}

struct Sign {
  std::string_view name;
  const char* sign;
};
constexpr std::array<Sign, 16> kComparisons = {{{"equalto", "=="},
                                                {"eq", "=="},
                                                {"==", "=="},
                                                {"ne", "!="},
                                                {"!=", "!="},
                                                {"lt", "<"},
                                                {"lessthan", "<"},
                                                {"<", "<"},
                                                {"le", "<="},
                                                {"<=", "<="},
                                                {"gt", ">"},
                                                {"greaterthan", ">"},
                                                {">", ">"},
                                                {"ge", ">="},
                                                {">=", ">="},
                                                {"in", "in"}}};

Value comparison(Call& call) {
  const auto sign = std::find_if(kComparisons.begin(), kComparisons.end(),
                                 [&call](const Sign& one) { return one.name == call.name; });
  call.bind({"a", "b"}, 2);
  return compare(call.context, sign->sign, call.values[0], call.values[1]);
}

std::int64_t whole(Call& call, std::size_t at) {
  if (!call.values[at].is_integral()) call.fail("expected an integer");
  return call.values[at].integer();
}
Value odd(Call& call) {
  call.bind({"value"}, 1);
  return whole(call, 0) % 2 != 0;
}
Value even(Call& call) {
  call.bind({"value"}, 1);
  return whole(call, 0) % 2 == 0;
}
Value divisibleby(Call& call) {
  call.bind({"value", "num"}, 2);
  const std::int64_t divisor = whole(call, 1);
  if (divisor == 0) call.fail("division by zero");
  return divisor == -1 || whole(call, 0) % divisor == 0;
}
Value sameas(Call& call) {
  call.bind({"value", "other"}, 2);
  const Value &a = call.values[0], &b = call.values[1];
  return a.is_bool() == b.is_bool() && a.is_int() == b.is_int() && equal(a, b);
}

struct Entry {
  std::string_view name;
  Builtin test;
};
constexpr std::array<Entry, 22> kTests = {{{"defined", of_value<is_defined>},
                                           {"undefined", of_value<is_undefined>},
                                           {"none", of_value<is_none>},
                                           {"string", of_value<is_string>},
                                           {"mapping", of_value<is_mapping>},
                                           {"iterable", of_value<is_iterable>},
                                           {"sequence", of_value<is_sequence>},
                                           {"number", of_value<is_number>},
                                           {"integer", of_value<is_integer>},
                                           {"float", of_value<is_float>},
                                           {"boolean", of_value<is_boolean>},
                                           {"true", of_value<is_the_true>},
                                           {"false", of_value<is_the_false>},
                                           {"callable", of_value<is_callable>},
                                           {"lower", of_value<is_lower>},
                                           {"upper", of_value<is_upper>},
                                           {"filter", of_value<is_filter>},
                                           {"test", of_value<is_test>},
                                           {"odd", odd},
                                           {"even", even},
                                           {"divisibleby", divisibleby},
                                           {"sameas", sameas}}};

}  // namespace

Builtin find_test(std::string_view name) {
  for (const Entry& entry : kTests)
    if (entry.name == name) return entry.test;
  for (const Sign& one : kComparisons)
    if (one.name == name) return comparison;
  return nullptr;
}

Builtin find_filter(std::string_view name) {
  const Builtin found = find_text_filter(name);
  return found != nullptr ? found : find_sequence_filter(name);
}

Value apply_filter(Context& context, const std::string& name, std::vector<Value> values,
                   std::vector<std::pair<std::string, Value>> named) {
  const Builtin filter = find_filter(name);
  if (filter == nullptr) context.fail(fmt::format("the filter '{}' is not supported", name));
  context.spend(1);
  const Level level(context);
  Call call{context, name, std::move(values), std::move(named)};
  return filter(call);
}

bool apply_test(Context& context, const std::string& name, std::vector<Value> values,
                std::vector<std::pair<std::string, Value>> named) {
  const Builtin test = find_test(name);
  if (test == nullptr) context.fail(fmt::format("the test '{}' is not supported", name));
  context.spend(1);
  Call call{context, name, std::move(values), std::move(named)};
  return is_true(test(call));
}

}  // namespace r1::jinja
