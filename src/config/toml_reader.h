#pragma once
// Fills option structs from a TOML document: strict keys, types with expected and found. Internal
// to config/.
#include <functional>
#include <string>
#include <vector>

#include "config/option_tree.h"
#include "config/toml_document.h"

namespace r1::config {

/// The visitor that reads. Every problem goes to `problems`; what is not in the table keeps its
/// default. Call read().
class TomlReader : public base::OptionVisitor {
 public:
  /// May a key stand in the table at `section` though no option has it?
  using AllowedExtra = std::function<bool(const std::string& section, const std::string& key)>;

  TomlReader(const TomlDocument& document, std::vector<LocatedProblem>& problems,
             AllowedExtra allowed_extra)
      : document_(document), problems_(problems), allowed_extra_(std::move(allowed_extra)) {}

  template <class Options>
  void read(Options& options) {
    remember_keys(option_tree(options, true), "");
    open_.push_back({&document_.table, nullptr, "", {}});
    options.visit(*this);
    close();
  }

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

 protected:
  bool begin_section(const char* key, const char* help) override;
  void end_section() override { close(); }
  std::size_t begin_list(const char* key, std::size_t size, const char* help) override;
  void begin_item(std::size_t index) override;
  void end_list() override { open_.pop_back(); }

 private:
  /// The table (or list) being read; both null: not in the document.
  struct Open {
    const toml::table* table;
    const toml::array* array;
    std::string key;
    std::vector<std::string> known;
  };

  void remember_keys(const OptionNode& node, const std::string& prefix);
  template <class T, class Read>
  void read_list(const char* key, std::vector<T>& value, const char* expected, Read read);
  const toml::node* find(const char* key);
  std::string dotted(const std::string& key) const;
  void problem(const std::string& dotted_key, const std::string& message);
  void wrong_type(const char* key, const char* expected, const toml::node& found);
  void close();
  std::string unknown_key_message(const Open& open, const std::string& key) const;

  const TomlDocument& document_;
  std::vector<LocatedProblem>& problems_;
  AllowedExtra allowed_extra_;
  std::vector<Open> open_;
  std::vector<std::pair<std::string, std::string>> all_keys_;  // name, section
};

}  // namespace r1::config
