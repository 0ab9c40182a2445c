#include "config/toml_override.h"

#include <fmt/format.h>

#include <charconv>

#include "config/option_tree.h"
#include "config/toml_nesting.h"

namespace r1::config {
namespace {

/// "a.b[2].c" -> a, b, 2, c; empty when a part is empty.
std::vector<std::string> split_path(const std::string& text) {
  std::vector<std::string> parts(1);
  for (char c : text) {
    if (c == '.' || c == '[')
      parts.emplace_back();
    else if (c != ']')
      parts.back() += c;
  }
  for (const std::string& part : parts)
    if (part.empty()) return {};
  return parts;
}

bool parse_value(const std::string& toml_value, toml::table& result) {
  const auto text = "value = " + toml_value;
  if (first_unbearable_line(text)) return false;
  try {
    result = toml::parse(text);
  } catch (const toml::parse_error&) {
    return false;
  }
  const toml::node* value = result.get("value");
  // Times and dates are no option's type: 10:00:00 without quotes is a text.
  return result.size() == 1 && value != nullptr && !value->is_time() && !value->is_date() &&
         !value->is_date_time();
}

/// The item of `array` with this number or `name`; -1: none.
std::int64_t find_item(const toml::array& array, const std::string& part) {
  std::size_t number = 0;
  const char* end = part.data() + part.size();
  const auto parsed = std::from_chars(part.data(), end, number);
  if (parsed.ec == std::errc() && parsed.ptr == end)
    return number < array.size() ? static_cast<std::int64_t>(number) : -1;
  for (std::size_t i = 0; i < array.size(); ++i) {
    const toml::table* item = array.get(i)->as_table();
    if (item != nullptr && (*item)["name"].value<std::string>() == part)
      return static_cast<std::int64_t>(i);
  }
  return -1;
}

/// The node at `part` below `node`; a missing table is made unless `only_existing`. `key` grows by
/// the part. Null: not there, or `node` holds no keys.
toml::node* descend(toml::node& node, const std::string& part, bool only_existing,
                    std::string& key) {
  if (toml::array* array = node.as_array()) {
    const std::int64_t index = find_item(*array, part);
    if (index < 0) return nullptr;
    key += fmt::format("[{}]", index);
    return array->get(static_cast<std::size_t>(index));
  }
  toml::table* table = node.as_table();
  if (table == nullptr) return nullptr;
  key += (key.empty() ? "" : ".") + part;
  toml::node* child = table->get(part);
  if (child == nullptr && !only_existing) {
    table->insert(part, toml::table{});
    child = table->get(part);
  }
  return child;
}

}  // namespace

bool parse_override(const std::string& text, Override& result,
                    std::vector<LocatedProblem>& problems) {
  const Origin origin{"--set " + text, 0};
  const std::size_t equals = text.find('=');
  result.text = text;
  if (equals != std::string::npos) result.path = split_path(text.substr(0, equals));
  if (result.path.empty()) {
    problems.push_back({origin, "", "expected section.key=value"});
    return false;
  }
  const std::string value = text.substr(equals + 1);
  if (parse_value(value, result.value) || parse_value(toml_string(value), result.value))
    return true;
  problems.push_back({origin, "", "the value is neither TOML nor UTF-8 text"});
  return false;
}

void apply_override(TomlDocument& document, const Override& assignment, bool only_existing,
                    std::vector<LocatedProblem>& problems) {
  const Origin origin{"--set " + assignment.text, 0};
  toml::node* node = &document.table;
  std::string key;
  for (std::size_t i = 0; i + 1 < assignment.path.size() && node != nullptr; ++i)
    node = descend(*node, assignment.path[i], only_existing, key);
  toml::table* table = node != nullptr ? node->as_table() : nullptr;
  const std::string& last = assignment.path.back();
  if (only_existing && (table == nullptr || !table->contains(last))) return;
  if (table == nullptr) {
    problems.push_back({origin, key, "there is no such table or list item"});
    return;
  }
  table->insert_or_assign(last, *assignment.value.get("value"));
  document.origins[key.empty() ? last : key + "." + last] = origin;
}

}  // namespace r1::config
