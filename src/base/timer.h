#pragma once
// Monotonic time for measurements; never the wall clock, which may step back.
#include <chrono>

namespace r1::base {

/// Seconds on a clock that never goes back.
inline double monotonic_seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

/// Seconds since construction or the last restart.
class Stopwatch {
 public:
  double seconds() const { return monotonic_seconds() - start_; }
  void restart() { start_ = monotonic_seconds(); }

 private:
  double start_ = monotonic_seconds();
};

}  // namespace r1::base
