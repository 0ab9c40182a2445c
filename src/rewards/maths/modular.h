#pragma once
// Compares rational functions modulo random 61-bit primes at random points. The cost does not
// depend on the size of the numbers, so the method can distinguish 1/2004! from 1/2006!. A
// difference is proved; an equality is wrong with a probability below 2^-50 per point (Schwartz
// 1980, Zippel 1979).
#include <cstdint>

#include "rewards/maths/budget.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

struct Residue {
  enum class State { Known, Irrational, Undefined, Limit };
  State state = State::Irrational;
  std::uint64_t value = 0;

  bool known() const { return state == State::Known; }
};

/// A field of 61-bit prime order that contains a square root of -1, and values of the symbols.
struct ModularPoint {
  std::uint64_t prime = 0;
  std::uint64_t imaginary = 0;  // i
  std::uint64_t seed = 0;       // seed of the symbols' values
};

/// Point `index` for a pair of texts with hash `seed`; points with equal `field` share the prime.
ModularPoint modular_point(std::uint64_t seed, int field, int index);
/// Evaluates `node` in the field of `point`. pi and e count as symbols of their own, because no
/// non-zero rational function of one of them vanishes. Irrational: a root, a symbolic exponent or
/// another function. Undefined: a division by zero, perhaps only at this point. Limit: the budget
/// is exhausted, or an exponent is out of range.
Residue evaluate_modulo(const Node& node, const ModularPoint& point, Budget& budget);

}  // namespace r1::rewards::maths
