#pragma once
// The keys of an option struct as a tree, with values and help: what printing, documenting and
// comparing work on.
#include <map>
#include <string>
#include <vector>

#include "base/options.h"

namespace r1::config {

/// A key, a section or a list of sections.
struct OptionNode {
  enum class Kind { Value, Section, List };

  std::string key;
  std::string help;
  Kind kind = Kind::Value;
  std::string type;                  // of a value: "integer", "list of text", ...
  std::string value;                 // of a value, in TOML syntax
  std::vector<std::string> allowed;  // of a choice
  std::vector<OptionNode> children;  // keys of a section; items (sections) of a list
};

/// Builds the tree of anything with visit(). With `list_items`, an empty list gets one item of
/// defaults, so that its keys can be documented.
class TreeBuilder : public base::OptionVisitor {
 public:
  explicit TreeBuilder(bool list_items) : list_items_(list_items) { open_.push_back(&root_); }

  void operator()(const char* key, bool& value, const char* help) override;
  void operator()(const char* key, std::int64_t& value, const char* help) override;
  void operator()(const char* key, double& value, const char* help) override;
  void operator()(const char* key, std::string& value, const char* help) override;
  void operator()(const char* key, std::vector<std::string>& value, const char* help) override;
  void operator()(const char* key, std::vector<std::int64_t>& value, const char* help) override;
  void operator()(const char* key, std::vector<double>& value, const char* help) override;
  void operator()(const char* key, base::FieldValues& value, const char* help) override;
  void choice(const char* key, std::string& value, const std::vector<std::string>& allowed,
              const char* help) override;

  OptionNode take() { return std::move(root_); }

 protected:
  bool begin_section(const char* key, const char* help) override;
  void end_section() override;
  std::size_t begin_list(const char* key, std::size_t size, const char* help) override;
  void begin_item(std::size_t index) override;
  void end_list() override;

 private:
  OptionNode& add(const char* key, const char* help, OptionNode::Kind kind);
  void add_value(const char* key, const char* help, const char* type, std::string value);

  bool list_items_;
  OptionNode root_{"", "", OptionNode::Kind::Section, "", "", {}, {}};
  std::vector<OptionNode*> open_;
};

/// The tree of `options` (a copy: visitors may write).
template <class Options>
OptionNode option_tree(Options options, bool list_items = false) {
  TreeBuilder builder(list_items);
  options.visit(builder);
  return builder.take();
}

/// A text as a TOML basic string, with quotes.
std::string toml_string(const std::string& text);
/// A number as TOML, reading back to the same bits; a real always shows that it is one ("1.0").
std::string toml_real(double value);

/// Dotted key -> value in TOML syntax, of every value of the tree ("rl.changes[0].from_step").
std::map<std::string, std::string> flatten(const OptionNode& tree);

}  // namespace r1::config
