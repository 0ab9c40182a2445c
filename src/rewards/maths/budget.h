#pragma once
// The budget of one verdict, counted in steps of about a tenth of a microsecond. Every loop of the
// comparison checks the budget, so that no pair of texts can block a worker.
#include "rewards/maths/node.h"

namespace r1::rewards::maths {

class Budget {
 public:
  explicit Budget(const Limits& limits) : limits_(limits), left_(limits.steps) {}

  /// Subtracts `steps`; false once the budget is exhausted.
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
