#pragma once
// Equality of small exact numbers with pi, e, logarithms and trigonometric functions, decided by
// Calcium (Johansson 2021, arXiv 2011.01728).
#include "rewards/maths/budget.h"
#include "rewards/maths/compare.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// Unknown: too large to be tried, or undecided.
Answer compare_closed_forms(const Node& a, const Node& b, Budget& budget);

}  // namespace r1::rewards::maths
