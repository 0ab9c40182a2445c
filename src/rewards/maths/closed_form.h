#pragma once
// Decides the equality of small exact numbers with pi, e, logarithms and trigonometric functions by
// Calcium (Johansson 2021, arXiv 2011.01728).
#include "rewards/maths/budget.h"
#include "rewards/maths/compare.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// Unknown: the numbers are too large to try, or Calcium could not decide.
Answer compare_closed_forms(const Node& a, const Node& b, Budget& budget);

}  // namespace r1::rewards::maths
