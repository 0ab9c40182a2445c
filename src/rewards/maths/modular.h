#pragma once
// Rational functions compared modulo random 61-bit primes at random points: constant cost however
// large the numbers are, which tells 1/2004! from 1/2006!. A difference found is proved; an
// equality is wrong with a probability below 2^-50 a point (Schwartz 1980, Zippel 1979).
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

/// A field of 61-bit prime order that holds a square root of -1, and values for the symbols.
struct ModularPoint {
  std::uint64_t prime = 0;
  std::uint64_t imaginary = 0;  // i
  std::uint64_t seed = 0;       // of the symbols' values
};

/// Point `index` for a pair of texts with hash `seed`; points of the same `field` share the prime.
ModularPoint modular_point(std::uint64_t seed, int field, int index);
/// `node` in that field; pi and e count as symbols of their own, since no rational function of one
/// of them vanishes. Irrational: a root, a symbolic exponent or another function. Undefined: a
/// division by zero, perhaps only at this point. Limit: out of budget or an exponent out of range.
Residue evaluate_modulo(const Node& node, const ModularPoint& point, Budget& budget);

}  // namespace r1::rewards::maths
