#pragma once
// Which rewards a record without a gold answer is dropped by.
#include "rewards/options.h"

namespace r1::rewards {

/// Whether one of the parts compares with the gold answer.
bool needs_answer(const RewardOptions& options);

}  // namespace r1::rewards
