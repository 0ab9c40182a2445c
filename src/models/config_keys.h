#pragma once
// Strict reading of a config.json: errors name file, key, expected and found.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.h"

namespace r1::models {

class ConfigKeys {
 public:
  /// Both outlive this object. `file` is named in errors.
  ConfigKeys(const nlohmann::json& config, const std::string& file)
      : config_(config), file_(file) {}

  const std::string& file() const { return file_; }
  /// The key is there and not null.
  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }
  /// The key is there, null or not.
  bool mentions(const char* key) const { return config_.contains(key); }

  /// Throws: InputError when the key is missing or of another type.
  template <class T>
  T required(const char* key) const {
    if (!has(key)) throw base::InputError(fmt::format("{}: key '{}' is missing", file_, key));
    try {
      return config_[key].get<T>();
    } catch (const nlohmann::json::exception&) {
      throw base::InputError(
          fmt::format("{}: key '{}' has the wrong type: {}", file_, key, config_[key].dump()));
    }
  }
  /// `fallback` when the key is missing or null. Throws: InputError when it is of another type.
  template <class T>
  T optional(const char* key, T fallback) const {
    return has(key) ? required<T>(key) : fallback;
  }
  std::int64_t size(const char* key) const { return required<std::int64_t>(key); }

  /// Throws: InputError unless the key is missing, null or `expected`.
  template <class T>
  void expect(const char* key, const T& expected) const {
    if (has(key) && config_[key] != nlohmann::json(expected))
      throw base::InputError(fmt::format("{}: '{}' = {} is not supported: expected {}", file_, key,
                                         config_[key].dump(), nlohmann::json(expected).dump()));
  }

  const nlohmann::json& json() const { return config_; }

 private:
  const nlohmann::json& config_;
  const std::string& file_;
};

}  // namespace r1::models
