// Global functions, which every template can call.
#include <algorithm>

#include "jinja/builtins.h"
#include "jinja/operators.h"
#include "jinja/print.h"

namespace r1::jinja {
namespace {

constexpr std::int64_t kMaxRange = 100'000;  // as Jinja's sandbox

Value range(Call& call) {
  call.bind({"start", "stop", "step"}, 1);
  std::int64_t bounds[3] = {0, 0, 1};
  for (std::size_t i = 0; i < 3; ++i) {
    if (call.values[i].is_undefined()) continue;
    if (!call.values[i].is_integral())
      call.fail(fmt::format("expected integers, found {}", call.values[i].type_name()));
    bounds[i] = call.values[i].integer();
  }
  if (call.values[1].is_undefined()) std::swap(bounds[0], bounds[1]);
  const auto [start, stop, step] = bounds;
  if (step == 0) call.fail("the step is zero");
  std::vector<Value> numbers;
  for (std::int64_t i = start; step > 0 ? i < stop : i > stop;) {
    if (static_cast<std::int64_t>(numbers.size()) == kMaxRange)
      call.fail(fmt::format("expected at most {} numbers", kMaxRange));
    numbers.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return call.context.list(std::move(numbers));
}

/// The entries that dict() and namespace() are given.
std::vector<std::pair<Value, Value>> entries_of(Call& call) {
  std::vector<std::pair<Value, Value>> entries;
  if (call.values.size() > 1) call.fail("expected at most one unnamed argument");
  if (!call.values.empty() && call.values[0].is_mapping()) {
    entries = call.values[0].mapping().entries;
  } else if (!call.values.empty()) {
    for (const Value& pair : items_of(call.context, call.values[0])) {
      const auto both = items_of(call.context, pair);
      if (both.size() != 2) call.fail("expected pairs of a key and a value");
      entries.emplace_back(both[0], both[1]);
    }
  }
  for (auto& [name, value] : call.named) entries.emplace_back(Value(name), std::move(value));
  return entries;
}

Value dict(Call& call) {
  return call.context.mapping(entries_of(call));
}

Value make_namespace(Call& call) {
  auto made = std::make_shared<Namespace>();
  for (auto& [key, value] : entries_of(call))
    made->set(call.context, to_text(call.context, key), std::move(value));
  return Value(std::shared_ptr<Object>(std::move(made)));
}

Value raise_exception(Call& call) {
  call.bind({"message"}, 1);
  call.context.fail("the template refuses the conversation: " +
                    to_text(call.context, call.values[0]));
}

Value strftime_now(Call& call) {
  call.bind({"format"}, 1);
  const std::string format = to_text(call.context, call.values[0]);
  if (format.empty()) return Value("");
  if (format.size() > 1000) call.fail("the format is too long");
  std::string out(format.size() * 32 + 64, '\0');
  const std::tm now = call.context.now();
  out.resize(std::strftime(out.data(), out.size(), format.c_str(), &now));
  return call.context.text(std::move(out));
}

/// joiner(sep): empty at its first call, the separator at later ones.
Value joiner(Call& call) {
  call.bind({"sep"}, 0);
  const Value separator = call.values[0].is_undefined() ? Value(", ") : call.values[0];
  return Value(std::make_shared<const Function>(
      Function{"joiner", [separator, used = std::make_shared<bool>(false)](Call&) {
                 return std::exchange(*used, true) ? separator : Value("");
               }}));
}

struct Entry {
  std::string_view name;
  Builtin function;
};
constexpr Entry kFunctions[] = {{"range", range},
                                {"dict", dict},
                                {"namespace", make_namespace},
                                {"raise_exception", raise_exception},
                                {"strftime_now", strftime_now},
                                {"joiner", joiner}};

}  // namespace

Value Namespace::attribute(const std::string& name) const {
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&name](const auto& one) { return one.first == name; });
  return found == attributes.end() ? Value(Undefined{"'" + name + "'"}) : found->second;
}

void Namespace::set(Context& context, const std::string& name, Value value) {
  if (name.starts_with('_'))
    context.fail(fmt::format("a namespace has no attribute '{}': it begins with '_'", name));
  if (value.depth() > kMaxValueDepth)
    context.fail(fmt::format("a namespace cannot hold {}", value.type_name()));
  context.spend(1 + attributes.size() / 8);
  const auto found = std::find_if(attributes.begin(), attributes.end(),
                                  [&name](const auto& one) { return one.first == name; });
  if (found == attributes.end())
    attributes.emplace_back(name, std::move(value));
  else
    found->second = std::move(value);
}

std::optional<Value> find_global(std::string_view name) {
  for (const Entry& entry : kFunctions)
    if (entry.name == name)
      return Value(std::make_shared<const Function>(Function{std::string(name), entry.function}));
  return std::nullopt;
}

}  // namespace r1::jinja
