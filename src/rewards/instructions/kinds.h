#pragma once
// The kinds of verifiable instructions: their arguments and their checks. Internal to
// instructions/.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace r1::rewards::instructions {

/// The type of an argument; a relation is "at least" or "less than".
enum class Type { Text, Texts, Number, Relation };

struct Argument {
  const char* name;
  Type type;
};

struct Kind {
  std::vector<Argument> arguments;
  std::function<bool(const nlohmann::json& arguments, const std::string& response)> follows;
};

/// By name: "punctuation:no_comma".
const std::map<std::string, Kind>& all_kinds();

}  // namespace r1::rewards::instructions
