#pragma once
// Option structs describe themselves: one visit() serves parsing, strict keys, printing and
// documentation.
//
// An option struct lives beside its owner (src/<module>/options.h), is plain data with defaults,
// and has
//   void visit(base::OptionVisitor& v) { v("learning_rate", learning_rate, "peak learning rate");
//   ... } void check(const std::string& key, base::Problems& problems) const;      // pass 2: the
//   section alone
// config/ composes them and is the only module that knows TOML.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/errors.h"

namespace r1::base {

/// Field of a record -> the values that are meant. In TOML a table of texts and lists of texts:
/// { type = "code", source = ["a", "b"] }.
using FieldValues = std::map<std::string, std::vector<std::string>>;

/// Walks over the keys of an option struct. Implementations: parser, printer, documentation
/// (config/).
class OptionVisitor {
 public:
  virtual ~OptionVisitor() = default;
  virtual void operator()(const char* key, bool& value, const char* help) = 0;
  virtual void operator()(const char* key, std::int64_t& value, const char* help) = 0;
  virtual void operator()(const char* key, double& value, const char* help) = 0;
  virtual void operator()(const char* key, std::string& value, const char* help) = 0;
  virtual void operator()(const char* key, std::vector<std::string>& value, const char* help) = 0;
  virtual void operator()(const char* key, std::vector<std::int64_t>& value, const char* help) = 0;
  virtual void operator()(const char* key, std::vector<double>& value, const char* help) = 0;

  virtual void operator()(const char* key, FieldValues& value, const char* help) = 0;

  /// A string that must be one of `allowed`.
  virtual void choice(const char* key, std::string& value, const std::vector<std::string>& allowed,
                      const char* help) = 0;

  /// A table inside this one.
  template <class Section>
  void section(const char* key, Section& section, const char* help) {
    if (begin_section(key, help)) {
      section.visit(*this);
      end_section();
    }
  }
  /// An array of tables ([[key]]).
  template <class Section>
  void section_list(const char* key, std::vector<Section>& sections, const char* help) {
    sections.resize(begin_list(key, sections.size(), help));
    for (std::size_t i = 0; i < sections.size(); ++i) {
      begin_item(i);
      sections[i].visit(*this);
      end_section();
    }
    end_list();
  }

 protected:
  virtual bool begin_section(const char* key, const char* help) = 0;  // false: skip it
  virtual void end_section() = 0;
  virtual std::size_t begin_list(const char* key, std::size_t size, const char* help) = 0;
  virtual void begin_item(std::size_t index) = 0;
  virtual void end_list() = 0;
};

}  // namespace r1::base
