#pragma once
// The learning rate of an optimizer step: warm-up, then constant, linear or cosine. Reference:
// transformers optimization.py (get_*_schedule_with_warmup).
#include <cstdint>

#include "optim/options.h"

namespace r1::optim {

/// Returns the learning rate of the step after `finished_steps` optimizer steps; with warm-up the
/// first step has the rate 0. `total_steps`: length of the run; later steps keep the last rate.
double learning_rate(const ScheduleOptions& options, double peak, std::int64_t finished_steps,
                     std::int64_t total_steps);

}  // namespace r1::optim
