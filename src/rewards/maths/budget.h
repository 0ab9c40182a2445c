#pragma once
// What one verdict may cost, counted in steps of about a tenth of a microsecond and checked by
// every loop of the comparison, so that no pair of texts can hold a worker up.
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), left_(limits.steps) {}

  /// Takes `steps` off; false once nothing is left.
  bool spend(long steps) {
    left_ = steps > left_ ? -1 : left_ - steps;
    return left_ >= 0;
  }
  bool exhausted() const { return left_ < 0; }
  const Limits& limits() const { return limits_; }

 private:
  Limits limits_;
  long left_;
};

}  // namespace r1::rewards::maths
