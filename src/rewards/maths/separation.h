#pragma once
// A lower bound on the absolute value of a non-zero number that is built from integers by + - * /
// and roots. With this bound a small ball around zero proves equality. Reference: Burnikel, Funke,
// Mehlhorn, Schirra, Schmitt, "A separation bound for real algebraic expressions", ESA 2001,
// theorem 1.
#include <optional>

#include "rewards/maths/budget.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// Returns b such that a - b is zero or |a - b| >= 2^-b. Empty if the expression is of another
/// kind, or if the bound exceeds the finest precision.
std::optional<long> separation_bits(const Node& a, const Node& b, Budget& budget);

}  // namespace r1::rewards::maths
