#pragma once
// The value of an expression: exact where it is rational, in floating point otherwise.
#include <complex>
#include <functional>
#include <set>
#include <string>

#include "rewards/maths/node.h"
#include "rewards/maths/rational.h"

namespace r1::rewards::maths {

struct Value {
  enum class State { Exact, Approximate, Undefined, Limit };
  State state = State::Undefined;
  Rational exact;               // Exact
  std::complex<double> number;  // Exact (rounded) and Approximate

  bool known() const { return state == State::Exact || state == State::Approximate; }
};

/// Value of a symbol that is no constant (pi, e and i are); called with its name.
using SymbolValue = std::function<double(const std::string&)>;

/// Undefined: division by zero, or a node that is no number. Limit: an exact value would exceed
/// `limits.value_bits`.
Value evaluate(const Node& node, const SymbolValue& symbol, const Limits& limits);
/// Names of the symbols of an expression, constants left out.
std::set<std::string> free_symbols(const Node& node);
/// Whether a number with a decimal point occurs.
bool has_decimal(const Node& node);

}  // namespace r1::rewards::maths
