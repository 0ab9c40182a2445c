#pragma once
// Reads JSON files; errors name the file.
#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.h"
#include "base/files.h"
#include "base/json.h"

namespace r1::tokenizer {

/// Throws: InputError naming the file, and the position of a syntax error.
inline nlohmann::json read_json_object(const std::string& path) {
  auto json = base::parse_json(base::read_file(path), path);
  if (!json.is_object())
    throw base::InputError(
        fmt::format("{}: expected a JSON object, found {}", path, json.type_name()));
  return json;
}

}  // namespace r1::tokenizer
