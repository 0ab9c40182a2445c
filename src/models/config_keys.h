#pragma once
// Strict reading of a config.json: errors name the file, the key, the expected and the found value.
#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <type_traits>

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
      if constexpr (std::is_same_v<T, std::int64_t>) require_integer(key);
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
  /// Whole numbers that are written as 1e6 pass; a conversion of others has no meaning.
  void require_integer(const char* key) const {
    constexpr double kExact = 9007199254740992.0;  // up to here floating point holds all integers
    const auto& value = config_[key];
    const bool fits = value.is_number_float()
                          ? std::abs(value.get<double>()) <= kExact &&
                                std::floor(value.get<double>()) == value.get<double>()
                          : !value.is_number_unsigned() ||
                                value.get<std::uint64_t>() <=
                                    std::uint64_t{std::numeric_limits<std::int64_t>::max()};
    if (!fits)
      throw base::InputError(
          fmt::format("{}: key '{}': expected an integer, found {}", file_, key, value.dump()));
  }

  const nlohmann::json& config_;
  const std::string& file_;
};

}  // namespace r1::models
