#pragma once
// The known name nearest to a mistyped one.
#include <string>
#include <vector>

namespace r1::config {

/// Insertions, deletions, changes and swaps of neighbours that make `a` into `b` (optimal string
/// alignment).
std::size_t edit_distance(const std::string& a, const std::string& b);

/// The nearest of `known`, or "" when none is near enough to be what was meant.
std::string nearest_name(const std::string& name, const std::vector<std::string>& known);

}  // namespace r1::config
