#include "config/option_tree.h"

#include <fmt/format.h>

#include <cmath>

namespace r1::config {
namespace {

template <class T, class Format>
std::string toml_list(const std::vector<T>& values, Format format) {
  std::string text = "[";
  for (std::size_t i = 0; i < values.size(); ++i) text += (i ? ", " : "") + format(values[i]);
  return text + "]";
}

void flatten_into(const OptionNode& node, const std::string& prefix,
                  std::map<std::string, std::string>& out) {
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const OptionNode& child = node.children[i];
    std::string key = prefix;
    if (node.kind == OptionNode::Kind::List)
      key += fmt::format("[{}]", i);
    else
      key += (prefix.empty() ? "" : ".") + child.key;
    if (child.kind == OptionNode::Kind::Value)
      out[key] = child.value;
    else
      flatten_into(child, key, out);
  }
}

}  // namespace

std::string toml_string(const std::string& text) {
  std::string out = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\')
      out += fmt::format("\\{}", c);
    else if (c == '\n')
      out += "\\n";
    else if (c == '\t')
      out += "\\t";
    else if (byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04X}", byte);
    else
      out += c;
  }
  return out + "\"";
}

std::string toml_real(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  std::string text = fmt::format("{}", value);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

OptionNode& TreeBuilder::add(const char* key, const char* help, OptionNode::Kind kind) {
  OptionNode node;
  node.key = key;
  node.help = help;
  node.kind = kind;
  return open_.back()->children.emplace_back(std::move(node));
}

void TreeBuilder::add_value(const char* key, const char* help, const char* type,
                            std::string value) {
  OptionNode& node = add(key, help, OptionNode::Kind::Value);
  node.type = type;
  node.value = std::move(value);
}

void TreeBuilder::operator()(const char* key, bool& value, const char* help) {
  add_value(key, help, "true or false", value ? "true" : "false");
}
void TreeBuilder::operator()(const char* key, std::int64_t& value, const char* help) {
  add_value(key, help, "integer", fmt::format("{}", value));
}
void TreeBuilder::operator()(const char* key, double& value, const char* help) {
  add_value(key, help, "number", toml_real(value));
}
void TreeBuilder::operator()(const char* key, std::string& value, const char* help) {
  add_value(key, help, "text", toml_string(value));
}
void TreeBuilder::operator()(const char* key, std::vector<std::string>& value, const char* help) {
  add_value(key, help, "list of text", toml_list(value, toml_string));
}
void TreeBuilder::operator()(const char* key, std::vector<std::int64_t>& value, const char* help) {
  add_value(key, help, "list of integers",
            toml_list(value, [](std::int64_t v) { return fmt::format("{}", v); }));
}
void TreeBuilder::operator()(const char* key, std::vector<double>& value, const char* help) {
  add_value(key, help, "list of numbers", toml_list(value, toml_real));
}
void TreeBuilder::operator()(const char* key, base::FieldValues& value, const char* help) {
  std::string text;
  for (const auto& [field, values] : value)
    text +=
        (text.empty() ? " " : ", ") + toml_string(field) + " = " + toml_list(values, toml_string);
  add_value(key, help, "table of texts", text.empty() ? "{}" : "{" + text + " }");
}
void TreeBuilder::choice(const char* key, std::string& value,
                         const std::vector<std::string>& allowed, const char* help) {
  add_value(key, help, "choice", toml_string(value));
  open_.back()->children.back().allowed = allowed;
}

bool TreeBuilder::begin_section(const char* key, const char* help) {
  open_.push_back(&add(key, help, OptionNode::Kind::Section));
  return true;
}
void TreeBuilder::end_section() {
  open_.pop_back();
}

std::size_t TreeBuilder::begin_list(const char* key, std::size_t size, const char* help) {
  OptionNode& list = add(key, help, OptionNode::Kind::List);
  const std::size_t items = list_items_ && size == 0 ? 1 : size;
  list.children.reserve(items);
  open_.push_back(&list);
  return items;
}
void TreeBuilder::begin_item(std::size_t) {
  open_.push_back(&add("", "", OptionNode::Kind::Section));
}
void TreeBuilder::end_list() {
  open_.pop_back();
}

std::map<std::string, std::string> flatten(const OptionNode& tree) {
  std::map<std::string, std::string> out;
  flatten_into(tree, "", out);
  return out;
}

}  // namespace r1::config
