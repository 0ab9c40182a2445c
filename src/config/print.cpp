#include "config/print.h"

#include <fmt/format.h>
#include <toml++/toml.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "config/option_tree.h"

namespace r1::config {
namespace {

using Kind = OptionNode::Kind;

std::string join(const std::vector<std::string>& words, const char* separator) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : separator) + word;
  return text;
}

/// "key = value  # help (one of: ...)".
std::string value_line(const OptionNode& node) {
  const std::string allowed = node.allowed.empty() ? "" : " [" + join(node.allowed, " | ") + "]";
  return fmt::format("{} = {}  # {}{}\n", node.key, node.value, node.help, allowed);
}

void print_table(const OptionNode& section, const std::string& path, std::string& out);

void print_list(const OptionNode& list, const std::string& path, std::string& out) {
  for (const OptionNode& item : list.children) {
    out += fmt::format("\n[[{}]]  # {}\n", path, list.help);
    print_table(item, path, out);
  }
}

/// Values first: after a table's header TOML cannot come back to the table around it.
void print_table(const OptionNode& section, const std::string& path, std::string& out) {
  for (const OptionNode& child : section.children) {
    if (child.kind == Kind::Value) out += value_line(child);
    if (child.kind == Kind::List && child.children.empty())
      out += fmt::format("{} = []  # {}\n", child.key, child.help);
  }
  for (const OptionNode& child : section.children) {
    const std::string child_path = path.empty() ? child.key : path + "." + child.key;
    if (child.kind == Kind::Section) {
      out += fmt::format("\n[{}]  # {}\n", child_path, child.help);
      print_table(child, child_path, out);
    } else if (child.kind == Kind::List) {
      print_list(child, child_path, out);
    }
  }
}

bool same(const OptionNode& a, const OptionNode& b) {
  return flatten(a) == flatten(b);
}

/// What of `node` is not as in `common`: values, sections, whole lists.
OptionNode difference(const OptionNode& node, const OptionNode& common) {
  OptionNode result = node;
  result.children.clear();
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    const OptionNode& child = node.children[i];
    const OptionNode& other = common.children[i];
    if (child.kind == Kind::Value ? child.value == other.value : same(child, other)) continue;
    result.children.push_back(child.kind == Kind::Section ? difference(child, other) : child);
  }
  return result;
}

nlohmann::json value_json(const OptionNode& node) {
  const toml::table parsed = toml::parse("value = " + node.value);
  std::ostringstream text;
  text << toml::json_formatter{parsed};
  return nlohmann::json::parse(text.str()).at("value");
}

nlohmann::json tree_json(const OptionNode& node) {
  if (node.kind == Kind::Value) return value_json(node);
  nlohmann::json result =
      node.kind == Kind::List ? nlohmann::json::array() : nlohmann::json::object();
  for (const OptionNode& child : node.children) {
    if (node.kind == Kind::List)
      result.push_back(tree_json(child));
    else
      result[child.key] = tree_json(child);
  }
  return result;
}

OptionNode tree_without_pipeline(const Config& config) {
  OptionNode tree = option_tree(config);
  std::erase_if(tree.children, [](const OptionNode& node) { return node.key == "pipeline"; });
  return tree;
}

}  // namespace

std::string resolved_toml(const LoadedConfig& loaded) {
  const OptionNode common = tree_without_pipeline(loaded.config);
  std::string out = "# Resolved configuration: every key, its value and what it means.\n";
  print_table(common, "", out);
  for (std::size_t i = 0; i < loaded.stages.size(); ++i) {
    OptionNode stage = option_tree(loaded.config.pipeline.stages[i]);
    // The stage's file is resolved into what follows it.
    std::erase_if(stage.children, [](const OptionNode& node) { return node.key == "config"; });
    const OptionNode own = difference(tree_without_pipeline(loaded.stages[i]), common);
    stage.children.insert(stage.children.end(), own.children.begin(), own.children.end());
    out += "\n[[pipeline.stages]]\n";
    print_table(stage, "pipeline.stages", out);
  }
  return out;
}

std::string resolved_toml(const Config& config) {
  return resolved_toml(LoadedConfig{config, {}});
}

nlohmann::json config_json(const Config& config) {
  return tree_json(option_tree(config));
}

}  // namespace r1::config
