#pragma once
// What ends the scoring of a list of samples before all of them are scored.
#include <algorithm>
#include <functional>
#include <limits>
#include <mutex>
#include <string>

#include "base/timer.h"

namespace r1::rewards {

/// The reasons (data::Reward::reason) of samples that were not scored.
inline constexpr const char* kStepLimit = "step_limit";  // [rewards.limits] step_seconds is used up
inline constexpr const char* kCutShort = "cut_short";    // the step is dropped

/// Begins when it is made. Thread-safe.
class ScoreBudget {
 public:
  /// No limit, and nothing cuts the scoring short.
  ScoreBudget() = default;
  /// `is_cut_short` is asked again and again, by one thread at a time.
  ScoreBudget(double seconds, std::function<bool()> is_cut_short)
      : seconds_(seconds), is_cut_short_(std::move(is_cut_short)) {}

  /// Why no further sample is scored; empty: the scoring goes on.
  std::string reason() const {
    const std::lock_guard lock(mutex_);
    if (is_cut_short_ && is_cut_short_()) return kCutShort;
    return watch_.seconds() >= seconds_ ? kStepLimit : "";
  }
  /// Seconds after which reason() should be asked again.
  double next_look() const {
    constexpr double kLook = 0.1;
    const double left = seconds_ - watch_.seconds();
    return is_cut_short_ ? std::min(left, kLook) : left;
  }
  /// Seconds since the beginning.
  double used() const { return watch_.seconds(); }

 private:
  double seconds_ = std::numeric_limits<double>::infinity();
  std::function<bool()> is_cut_short_;
  base::Stopwatch watch_;
  mutable std::mutex mutex_;
};

}  // namespace r1::rewards
