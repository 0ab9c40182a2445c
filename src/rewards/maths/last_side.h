#pragma once
// The answer of an equality whose left side no parser reads: "17 \\bmod 5 = 2", a determinant.
#include <optional>
#include <string>
#include <vector>

#include "rewards/maths/node.h"
#include "rewards/maths/normalise.h"

namespace r1::rewards::maths {

/// What stands behind the last equality sign outside brackets, and its unit; empty where that is no
/// value, or where the left side is prose, denied or one of several statements. Throws: Unreadable.
std::optional<Node> last_side(const std::vector<Token>& tokens, const Limits& limits,
                              std::string& unit);

}  // namespace r1::rewards::maths
