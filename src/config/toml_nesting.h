#pragma once
// Looks for deep nesting in a TOML text before a parser that recurses sees it.
#include <cstdint>
#include <optional>
#include <string_view>

namespace r1::config {

/// Parts of one dotted key, and brackets that are open at once. A configuration has five of each at
/// most.
inline constexpr int kMaxNesting = 24;

/// The first line (from 1) whose keys or brackets nest deeper than kMaxNesting. Dots and brackets
/// in texts and comments do not count.
std::optional<std::int64_t> first_deep_line(std::string_view text);

}  // namespace r1::config
