#pragma once
// Strict reading of a config.json: errors name the file, the key, the expected and the found value.
#include <fmt/format.h>

#include <nlohmann/json.hpp>
#include <string>

#include "base/errors.h"

namespace r1::models {

class ConfigKeys {
 public:
  /// `config` and `file` must outlive this object. Errors name `file`.
  ConfigKeys(const nlohmann::json& config, const std::string& file)
      : config_(config), file_(file) {}

  const std::string& file() const { return file_; }
  /// Whether the key exists and is not null.
  bool has(const char* key) const { return config_.contains(key) && !config_[key].is_null(); }
  /// Whether the key exists, null or not.
  bool mentions(const char* key) const { return config_.contains(key); }

  /// Throws: InputError if the key is missing or has another type.
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
  /// Returns `fallback` if the key is missing or null. Throws: InputError if the key has another
  /// type.
  template <class T>
  T optional(const char* key, T fallback) const {
    return has(key) ? required<T>(key) : fallback;
  }
  std::int64_t size(const char* key) const { return required<std::int64_t>(key); }

  /// Throws: InputError unless the key is missing, null or equal to `expected`.
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
