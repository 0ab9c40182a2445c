#pragma once
// Range checks of options: the problem names the key, the range and the value found.
#include <fmt/format.h>

#include <string>
#include <type_traits>

#include "base/errors.h"

namespace r1::base {

/// Adds a problem unless value > limit (NaN is one). `note` tells what special values mean.
template <class T>
void require_above(Problems& problems, const std::string& key, T value,
                   std::type_identity_t<T> limit, const char* note = "") {
  problems.require(value > limit, key,
                   fmt::format("expected > {}{}, found {}", limit, note, value));
}

/// Adds a problem unless value >= limit (NaN is one). `note` tells what special values mean.
template <class T>
void require_at_least(Problems& problems, const std::string& key, T value,
                      std::type_identity_t<T> limit, const char* note = "") {
  problems.require(value >= limit, key,
                   fmt::format("expected >= {}{}, found {}", limit, note, value));
}

}  // namespace r1::base
