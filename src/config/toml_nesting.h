#pragma once
// Looks for what the parser cannot bear in a TOML text before the parser sees it: deep nesting,
// since it recurses, and headers of tables that begin with no key, at which it aborts.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace r1::config {

/// Parts of one dotted key, and brackets that are open at once. A configuration has five of each at
/// most.
inline constexpr int kMaxNesting = 24;

struct UnbearableLine {
  std::int64_t line;    // from 1
  std::string problem;  // what was expected
};

/// The first line whose keys or brackets nest deeper than kMaxNesting, or that opens a table whose
/// name begins with neither a letter, a digit, '_', '-' nor a quote. Dots and brackets in texts and
/// comments do not count.
std::optional<UnbearableLine> first_unbearable_line(std::string_view text);

}  // namespace r1::config
