#pragma once
// Whether a record without a gold answer must be dropped.
#include "rewards/options.h"

namespace r1::rewards {

/// Whether one of the configured parts needs the gold answer.
bool needs_answer(const RewardOptions& options);

}  // namespace r1::rewards
