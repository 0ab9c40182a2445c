#pragma once
// Reads the answer of an equality whose left side the parser cannot read: "17 \\bmod 5 = 2", a
// determinant.
#include <optional>
#include <string>
#include <vector>

#include "rewards/maths/node.h"
#include "rewards/maths/normalise.h"

namespace r1::rewards::maths {

/// Returns the value after the last equality sign outside brackets, and its unit. The result is
/// empty if there is no value, or if the left side is prose, denied or one of several statements.
/// Throws: Unreadable.
std::optional<Node> last_side(const std::vector<Token>& tokens, const Limits& limits,
                              std::string& unit);

}  // namespace r1::rewards::maths
