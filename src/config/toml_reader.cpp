#include "config/toml_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <sstream>
#include <string_view>
#include <utility>

#include "config/suggestion.h"

namespace r1::config {
namespace {

/// Keys as other programs call them, and ours.
constexpr std::pair<std::string_view, std::string_view> kOtherNames[] = {
    {"lr", "learning_rate"},
    {"batch_size", "batch"},
    {"train_batch_size", "batch"},
    {"num_train_epochs", "epochs"},
    {"num_epochs", "epochs"},
    {"max_seq_length", "max_length"},
    {"max_tokens", "max_new_tokens"},
    {"max_completion_length", "max_new_tokens"},
    {"num_generations", "samples_per_prompt"},
    {"group_size", "samples_per_prompt"},
    {"ppo_epochs", "update_epochs"},
    {"num_iterations", "update_epochs"},
    {"beta", "coefficient"},
    {"kl_coef", "coefficient"},
    {"grad_clip", "max_grad_norm"},
    {"model_name_or_path", "path"},
    {"train_files", "files"},
    {"val_files", "held_out_files"},
    {"algorithm", "kind"},
    {"adv_estimator", "kind"},
    {"rank", "r"},
    {"lora_rank", "r"},
    {"alpha", "lora_alpha"}};

/// The type and value of a node for messages: `integer 3`, `text "abc"`, `a table`.
std::string describe(const toml::node& node) {
  constexpr std::size_t kLongest = 60;
  std::string type;
  switch (node.type()) {
    case toml::node_type::table:
      return "a table";
    case toml::node_type::array:
      return "a list";
    case toml::node_type::string:
      type = "text";
      break;
    case toml::node_type::integer:
      type = "integer";
      break;
    case toml::node_type::floating_point:
      type = "number";
      break;
    case toml::node_type::boolean:
      type = "";
      break;
    default:
      type = "date or time";
  }
  std::ostringstream text;
  node.visit([&text](const auto& value) { text << value; });
  std::string shown = node.is_string() ? toml_string(**node.as_string()) : text.str();
  if (shown.size() > kLongest) shown = shown.substr(0, kLongest) + "...";
  return type.empty() ? shown : type + " " + shown;
}

std::optional<double> real_of(const toml::node& node) {
  if (!node.is_integer() && !node.is_floating_point()) return std::nullopt;
  const auto value = node.value<double>();
  return value && std::isfinite(*value) ? value : std::nullopt;
}

std::optional<std::int64_t> integer_of(const toml::node& node) {
  return node.is_integer() ? node.value<std::int64_t>() : std::nullopt;
}

std::optional<std::string> text_of(const toml::node& node) {
  return node.is_string() ? node.value<std::string>() : std::nullopt;
}

}  // namespace

void TomlReader::remember_keys(const OptionNode& node, const std::string& prefix) {
  for (const OptionNode& child : node.children) {
    const std::string key = prefix.empty() ? child.key : prefix + "." + child.key;
    if (!child.key.empty()) all_keys_.emplace_back(child.key, prefix);
    remember_keys(child, child.key.empty() ? prefix : key);
  }
}

std::string TomlReader::dotted(const std::string& key) const {
  const std::string& section = open_.back().key;
  return section.empty() ? key : section + "." + key;
}

void TomlReader::problem(const std::string& dotted_key, const std::string& message) {
  problems_.push_back({document_.origin_of(dotted_key), dotted_key, message});
}

void TomlReader::wrong_type(const char* key, const char* expected, const toml::node& found) {
  problem(dotted(key), fmt::format("expected {}, found {}", expected, describe(found)));
}

const toml::node* TomlReader::find(const char* key) {
  Open& open = open_.back();
  open.known.emplace_back(key);
  return open.table != nullptr ? open.table->get(key) : nullptr;
}

void TomlReader::operator()(const char* key, bool& value, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto read = node->as_boolean())
    value = **read;
  else
    wrong_type(key, "true or false", *node);
}

void TomlReader::operator()(const char* key, std::int64_t& value, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto read = integer_of(*node))
    value = *read;
  else
    wrong_type(key, "an integer", *node);
}

void TomlReader::operator()(const char* key, double& value, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (const auto read = real_of(*node))
    value = *read;
  else
    wrong_type(key, "a finite number", *node);
}

void TomlReader::operator()(const char* key, std::string& value, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  if (auto read = text_of(*node))
    value = std::move(*read);
  else
    wrong_type(key, "a text (in quotes)", *node);
}

template <class T, class Read>
void TomlReader::read_list(const char* key, std::vector<T>& value, const char* expected,
                           Read read) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const toml::array* array = node->as_array();
  if (array == nullptr) {
    wrong_type(key, expected, *node);
    return;
  }
  value.clear();
  for (const toml::node& item : *array) {
    if (auto read_item = read(item))
      value.push_back(std::move(*read_item));
    else
      wrong_type(key, expected, item);
  }
}

void TomlReader::operator()(const char* key, std::vector<std::string>& value, const char*) {
  read_list(key, value, "a list of texts", text_of);
}
void TomlReader::operator()(const char* key, std::vector<std::int64_t>& value, const char*) {
  read_list(key, value, "a list of integers", integer_of);
}
void TomlReader::operator()(const char* key, std::vector<double>& value, const char*) {
  read_list(key, value, "a list of finite numbers", real_of);
}

void TomlReader::operator()(const char* key, base::FieldValues& value, const char*) {
  constexpr const char* kExpected =
      "a table of texts or lists of texts, such as { type = \"code\" }";
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const toml::table* table = node->as_table();
  if (table == nullptr) {
    wrong_type(key, kExpected, *node);
    return;
  }
  value.clear();
  for (const auto& [field, given] : *table) {
    auto& values = value[std::string(field.str())];
    if (auto text = text_of(given)) {
      values.push_back(std::move(*text));
    } else if (const toml::array* list = given.as_array(); list != nullptr && !list->empty()) {
      for (const toml::node& item : *list)
        if (auto one = text_of(item))
          values.push_back(std::move(*one));
        else
          wrong_type(key, kExpected, item);
    } else {
      wrong_type(key, kExpected, given);
    }
  }
}

void TomlReader::choice(const char* key, std::string& value,
                        const std::vector<std::string>& allowed, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return;
  const auto read = text_of(*node);
  if (read && std::find(allowed.begin(), allowed.end(), *read) != allowed.end()) {
    value = *read;
    return;
  }
  std::string expected = "one of ";
  for (std::size_t i = 0; i < allowed.size(); ++i)
    expected += (i ? ", " : "") + toml_string(allowed[i]);
  const std::string nearest = read ? nearest_name(*read, allowed) : "";
  problem(dotted(key),
          fmt::format("expected {}, found {}{}", expected, describe(*node),
                      nearest.empty() ? "" : fmt::format("; did you mean \"{}\"?", nearest)));
}

bool TomlReader::begin_section(const char* key, const char*) {
  const toml::node* node = find(key);
  if (node == nullptr) return false;
  if (!node->is_table()) {
    wrong_type(key, "a table", *node);
    return false;
  }
  open_.push_back({node->as_table(), nullptr, dotted(key), {}});
  return true;
}

std::size_t TomlReader::begin_list(const char* key, std::size_t size, const char*) {
  const toml::node* node = find(key);
  const std::string list_key = dotted(key);
  const toml::array* array = node != nullptr ? node->as_array() : nullptr;
  if (node != nullptr &&
      (array == nullptr || (!array->empty() && !array->is_homogeneous<toml::table>()))) {
    wrong_type(key, "tables ([[...]])", *node);
    array = nullptr;
  }
  open_.push_back({nullptr, array, list_key, {}});
  return array != nullptr ? array->size() : size;
}

void TomlReader::begin_item(std::size_t index) {
  const Open& list = open_.back();
  const toml::table* item = list.array != nullptr ? list.array->get(index)->as_table() : nullptr;
  open_.push_back({item, nullptr, fmt::format("{}[{}]", list.key, index), {}});
}

std::string TomlReader::unknown_key_message(const Open& open, const std::string& key) const {
  std::string nearest = nearest_name(key, open.known);
  for (const auto& [other, ours] : kOtherNames)
    if (key == other && std::find(open.known.begin(), open.known.end(), ours) != open.known.end())
      nearest = ours;
  if (!nearest.empty()) return fmt::format("unknown key; did you mean \"{}\"?", nearest);
  const auto sections_with = [this](std::string_view wanted) {
    std::string sections;
    for (const auto& [name, section] : all_keys_)
      if (name == wanted)
        sections += (sections.empty() ? "" : ", ") +
                    (section.empty() ? "the top level" : "[" + section + "]");
    return sections;
  };
  if (const auto sections = sections_with(key); !sections.empty())
    return "unknown key here; it belongs to " + sections;
  for (const auto& [other, ours] : kOtherNames)
    if (const auto sections = sections_with(ours); key == other && !sections.empty())
      return fmt::format("unknown key; here it is called \"{}\" and belongs to {}", ours, sections);
  if (open.key == "metrics" && (key == "wandb" || key == "mlflow"))
    return "unknown key; configs/README.md, \"Weights & Biases, MLflow\", has the lines that copy "
           "metrics.jsonl there";
  return open.key.empty() ? "unknown section" : "unknown key";
}

void TomlReader::close() {
  const Open open = std::move(open_.back());
  open_.pop_back();
  if (open.table == nullptr) return;
  for (const auto& [name, node] : *open.table) {
    const std::string key(name.str());
    if (std::find(open.known.begin(), open.known.end(), key) != open.known.end()) continue;
    if (allowed_extra_ && allowed_extra_(open.key, key)) continue;
    const std::string dotted_key = open.key.empty() ? key : open.key + "." + key;
    problem(dotted_key, unknown_key_message(open, key));
  }
}

}  // namespace r1::config
