#include "jinja/context.h"

#include <algorithm>

#include "base/errors.h"

namespace r1::jinja {

void Context::fail(const std::string& message) const {
  throw base::InputError(fmt::format("{}, line {}: {}", origin_, line, message));
}

void Context::spend(std::size_t steps) {
  steps_ += static_cast<std::int64_t>(steps);
  if (steps_ > limits_.steps)
    fail(fmt::format("the template takes more than {} steps", limits_.steps));
}

void Context::check_text(std::size_t bytes) const {
  if (bytes > limits_.text_bytes)
    fail(fmt::format("the template makes a text of more than {} bytes", limits_.text_bytes));
}

void Context::spend_text(std::size_t bytes) {
  check_text(bytes);
  spend(1 + bytes / 16);
}

void Context::check_size(int depth, std::size_t weight) const {
  if (weight > limits_.weight)
    fail(
        fmt::format("the template makes a list or mapping of more than {} values", limits_.weight));
  if (depth <= kMaxValueDepth) return;
  fail(
      fmt::format("a list, mapping or namespace can hold neither functions and namespaces nor "
                  "values nested more than {} deep",
                  kMaxValueDepth));
}

Value Context::list(std::vector<Value> items, SequenceKind kind) {
  if (items.size() > limits_.items)
    fail(fmt::format("the template makes a list of more than {} items", limits_.items));
  spend(1 + items.size());
  Sequence made{kind, std::move(items)};
  for (const Value& item : made.items) {
    made.depth = std::max(made.depth, item.depth() + 1);
    made.weight += item.weight();
  }
  check_size(made.depth, made.weight);
  return Value(std::make_shared<const Sequence>(std::move(made)));
}

Value Context::mapping(std::vector<std::pair<Value, Value>> entries) {
  Mapping made;
  for (auto& [key, value] : entries) {
    spend(1 + made.entries.size() / 8);
    if (key.is_mapping() || (key.is_sequence() && key.sequence().kind != SequenceKind::Tuple))
      fail(fmt::format("{} cannot be a key", key.type_name()));
    made.depth = std::max({made.depth, key.depth() + 1, value.depth() + 1});
    made.weight += key.weight() + value.weight();
    const auto known =
        std::find_if(made.entries.begin(), made.entries.end(),
                     [&key = key](const auto& entry) { return equal(entry.first, key); });
    if (known == made.entries.end())
      made.entries.emplace_back(std::move(key), std::move(value));
    else
      known->second = std::move(value);
  }
  check_size(made.depth, made.weight);
  return Value(std::make_shared<const Mapping>(std::move(made)));
}

void Call::bind(std::initializer_list<const char*> parameters, std::size_t num_required) {
  if (values.size() > parameters.size())
    fail(fmt::format("expected at most {} arguments, found {}", parameters.size(), values.size()));
  std::vector<bool> given(parameters.size());
  std::fill_n(given.begin(), values.size(), true);
  values.resize(parameters.size());
  for (auto& [argument, value] : named) {
    const auto found = std::find_if(
        parameters.begin(), parameters.end(),
        [&argument = argument](const char* parameter) { return argument == parameter; });
    const auto at = static_cast<std::size_t>(found - parameters.begin());
    if (found == parameters.end()) fail(fmt::format("unknown argument '{}'", argument));
    if (given[at]) fail(fmt::format("argument '{}' comes twice", argument));
    values[at] = std::move(value);
    given[at] = true;
  }
  named.clear();
  for (std::size_t i = 0; i < num_required; ++i)
    if (!given[i]) fail(fmt::format("argument '{}' is missing", *(parameters.begin() + i)));
}

}  // namespace r1::jinja
