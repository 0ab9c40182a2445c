#pragma once
// How small a number built from integers by + - * / and roots can be without being zero, which
// turns a ball around zero into a proof. Reference: Burnikel, Funke, Mehlhorn, Schirra, Schmitt,
// "A separation bound for real algebraic expressions", ESA 2001, theorem 1.
#include <optional>

#include "rewards/maths/budget.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// b with: a - b is zero or |a - b| >= 2^-b. Empty when the expression is not of that kind, or the
/// bound exceeds the finest precision.
std::optional<long> separation_bits(const Node& a, const Node& b, Budget& budget);

}  // namespace r1::rewards::maths
