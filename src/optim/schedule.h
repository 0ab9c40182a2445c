#pragma once
// The learning rate of an optimizer step: warm-up, then constant, linear or cosine.
// Reference: transformers optimization.py (get_*_schedule_with_warmup).
#include <cstdint>

#include "optim/options.h"

namespace r1::optim {

/// Rate before optimizer step `finished_steps` (0 first; with warm-up the first step's rate is 0).
/// `total_steps` is the length of the run; steps after it keep the last rate.
double learning_rate(const ScheduleOptions& options, double peak, std::int64_t finished_steps,
                     std::int64_t total_steps);

}  // namespace r1::optim
