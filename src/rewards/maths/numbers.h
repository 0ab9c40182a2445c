#pragma once
// Decides whether two expressions have the same value: exactly where this can be proved, else the
// answer is unknown.
#include "rewards/maths/budget.h"
#include "rewards/maths/compare.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// Compares two expressions without free symbols, by methods of increasing cost: exact rationals,
/// residues modulo primes, balls of 64 bits, separation bounds, Calcium, balls up to the precision
/// limit. A decimal also equals a value within 0.5e-6 and within 0.1 %, unless one of the two
/// values is an integer.
Answer compare_numbers(const Node& a, const Node& b, Budget& budget);

/// Compares two expressions with free symbols: by residues at random points if both are rational
/// functions, by balls at random real points otherwise.
Answer compare_functions(const Node& a, const Node& b, Budget& budget);

/// Decides whether f = c g for a constant c, which must be positive if `positive` (inequalities).
Answer compare_up_to_factor(const Node& f, const Node& g, bool positive, Budget& budget);

}  // namespace r1::rewards::maths
