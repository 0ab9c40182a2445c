#pragma once
// Evaluates an expression to a complex ball that provably contains the value, at any precision
// (Arb, Johansson 2017, doi 10.1109/TC.2017.2690633). Two disjoint balls prove that two numbers
// differ.
#if __has_include(<acb.h>)
#include <acb.h>
#else
#include <flint/acb.h>
#endif

#include <cstdint>
#include <optional>

#include "rewards/maths/budget.h"
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

/// An owned acb_t.
class Ball {
 public:
  Ball() { acb_init(value_); }
  Ball(const Ball& other) : Ball() { acb_set(value_, other.value_); }
  Ball(Ball&& other) noexcept : Ball() { acb_swap(value_, other.value_); }
  Ball& operator=(Ball other) noexcept {
    acb_swap(value_, other.value_);
    return *this;
  }
  ~Ball() { acb_clear(value_); }

  acb_ptr get() { return value_; }
  acb_srcptr get() const { return value_; }

 private:
  acb_t value_;
};

/// Precision of an evaluation, and values of the symbols.
struct BallPoint {
  long bits = 64;
  std::optional<std::uint64_t> probe;  // seed of the symbols' values; none: symbols have no value
  double scale = 1.0;                  // size of the symbols' values
  bool signs = false;                  // symbols may also be negative
};

struct BallValue {
  enum class State { Known, Undefined, Limit };
  State state = State::Undefined;
  Ball ball;
  bool left_reals = false;  // the evaluation met a root or logarithm of a negative number

  bool known() const { return state == State::Known; }
};

/// Undefined: a division by a ball around zero, or a node that is not a number.
BallValue evaluate_ball(const Node& node, const BallPoint& point, Budget& budget);

}  // namespace r1::rewards::maths
