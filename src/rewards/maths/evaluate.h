#pragma once
// Evaluates an expression: exactly if the value is rational, otherwise in floating point.
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
  Rational exact;               // if Exact
  std::complex<double> number;  // if Exact (rounded) or Approximate

  bool known() const { return state == State::Exact || state == State::Approximate; }
};

/// Returns the value of a symbol by name; called for symbols that are not constants (pi, e, i).
using SymbolValue = std::function<double(const std::string&)>;

/// Undefined: division by zero, or a node that is not a number. Limit: an exact value would exceed
/// `limits.value_bits`.
Value evaluate(const Node& node, const SymbolValue& symbol, const Limits& limits);
/// Names of the symbols of an expression, without constants.
std::set<std::string> free_symbols(const Node& node);
/// Whether the expression contains a number with a decimal point.
bool has_decimal(const Node& node);

}  // namespace r1::rewards::maths
