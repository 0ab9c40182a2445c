#pragma once
// When to save if the interval is automatic: from what steps and saves cost so far.
#include <cstdint>

#include "checkpoint/options.h"

namespace r1::checkpoint {

/// Pass times that all ranks agree on: all of them then save at the same step. Results do not
/// depend on it, only the work that a failure costs.
class SaveClock {
 public:
  void step_took(double seconds) {
    step_seconds_ += seconds;
    ++num_steps_;
  }
  /// `seconds`: what training waited for.
  void save_took(double seconds) { save_seconds_ = seconds; }
  /// The first save, after the first step, measures what one costs.
  bool is_due(const CheckpointOptions& options, std::int64_t steps_since_save) const {
    if (save_seconds_ < 0.0 || num_steps_ == 0) return true;
    const double mean = step_seconds_ / static_cast<double>(num_steps_);
    return steps_since_save >= checkpoint_interval(options, save_seconds_, mean);
  }

 private:
  double step_seconds_ = 0.0;
  std::int64_t num_steps_ = 0;
  double save_seconds_ = -1.0;  // not measured yet
};

}  // namespace r1::checkpoint
