#pragma once
// Whether two expressions have the same value: exactly where it can be proved, else unknown.
#include "rewards/maths/budget.h"
#include "rewards/maths/compare.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// Two expressions without free symbols, cheapest means first: exact rationals, residues modulo
/// primes, balls of 64 bits, separation bounds, Calcium, balls up to the precision limit. A decimal
/// equals what is within 0.5e-6 of it unless that is an integer, the first three digits right.
Answer compare_numbers(const Node& a, const Node& b, Budget& budget);

/// Two expressions with free symbols: residues at random points for rational functions, balls at
/// random real points for others.
Answer compare_functions(const Node& a, const Node& b, Budget& budget);

/// Whether f = c g for one constant c, which must be positive if `positive` (inequalities).
Answer compare_up_to_factor(const Node& f, const Node& g, bool positive, Budget& budget);

}  // namespace r1::rewards::maths
