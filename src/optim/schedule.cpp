#include "optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace r1::optim {

double learning_rate(const ScheduleOptions& options, double peak, std::int64_t finished_steps,
                     std::int64_t total_steps) {
  if (finished_steps < options.warmup_steps)
    return peak * static_cast<double>(finished_steps) / static_cast<double>(options.warmup_steps);
  if (options.kind == "constant") return peak;
  const auto decay_steps =
      static_cast<double>(std::max<std::int64_t>(1, total_steps - options.warmup_steps));
  const double progress =
      std::min(1.0, static_cast<double>(finished_steps - options.warmup_steps) / decay_steps);
  if (options.kind == "linear") return peak * (1.0 - progress);
  const double cosine = 0.5 * (1.0 + std::cos(std::numbers::pi * progress));
  const double least = options.kind == "cosine_min" ? options.min_ratio : 0.0;
  return peak * (least + (1.0 - least) * cosine);
}

}  // namespace r1::optim
