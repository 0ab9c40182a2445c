#pragma once
// A TOML table put together from files, includes and --set, which remembers where each key came
// from. Internal to config/ (toml++ does not leave this folder).
#include <toml++/toml.h>

#include <map>
#include <string>
#include <vector>

namespace r1::config {

/// Where a key was written; line 0: not in a file (`file` is then the --set argument).
struct Origin {
  std::string file;
  std::int64_t line = 0;
};

/// A problem with its place.
struct LocatedProblem {
  Origin origin;
  std::string key;
  std::string message;

  /// "file:line: key: message".
  std::string text() const;
};

/// A table and the origin of each dotted key in it ("pipeline.stages[2].rl.steps").
struct TomlDocument {
  toml::table table;
  std::map<std::string, Origin> origins;
  std::string name;  // the file, for what has no line

  /// Of the key, or of the nearest table around it that was written somewhere.
  Origin origin_of(std::string key) const;
};

/// Parses a text. Syntax errors become problems; the document is then empty. `include` keys, in any
/// table, are replaced by the contents of their files (relative to this file), over which the table
/// itself wins.
TomlDocument parse_toml_text(const std::string& text, const std::string& name,
                             std::vector<LocatedProblem>& problems);
/// The same of a file.
TomlDocument parse_toml_file(const std::string& path, std::vector<LocatedProblem>& problems);

/// Puts `over` over `base`, table by table; other values, lists included, are replaced.
void merge(TomlDocument& base, const TomlDocument& over);
/// The table at `key` of `document` as a document of its own.
TomlDocument subdocument(const TomlDocument& document, const std::string& key,
                         const toml::table& table);

}  // namespace r1::config
