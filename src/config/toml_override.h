#pragma once
// --set a.b=c on a TOML document. Internal to config/.
#include <string>
#include <vector>

#include "config/toml_document.h"

namespace r1::config {

/// An assignment "a.b=c" taken apart.
struct Override {
  std::string text;               // as given, the origin of its problems
  std::vector<std::string> path;  // a, b; "a[2]" is a, 2
  toml::table value;              // holds the value under "value"
};

/// Parses an assignment: c is a TOML value, or else taken as a text. Problems: no '=', empty key,
/// text that is not UTF-8.
bool parse_override(const std::string& text, Override& result,
                    std::vector<LocatedProblem>& problems);

/// Sets it. A list's item is named by its number or by its `name`:
/// pipeline.stages.rl1.rl.steps=3. With `only_existing`, a key that is not there is left alone.
void apply_override(TomlDocument& document, const Override& assignment, bool only_existing,
                    std::vector<LocatedProblem>& problems);

}  // namespace r1::config
