#include "checkpoint/options.h"

#include <algorithm>
#include <cmath>

namespace r1::checkpoint {

std::int64_t checkpoint_interval(const CheckpointOptions& options, double save_seconds,
                                 double step_seconds) {
  if (options.interval_steps > 0) return options.interval_steps;
  constexpr double kSecondsPerHour = 3600;
  constexpr double kMostSteps = 1e9;
  const double seconds = std::sqrt(2 * save_seconds * options.mtbf_hours * kSecondsPerHour);
  const double steps = step_seconds > 0 ? seconds / step_seconds : kMostSteps;
  return static_cast<std::int64_t>(std::clamp(std::round(steps), 1.0, kMostSteps));
}

}  // namespace r1::checkpoint
