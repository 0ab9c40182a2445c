#pragma once
// The waiting strategy of a rank: a short spin for calls that complete at once, then sleeps that
// grow to 1 ms. An idle rank thus leaves its core to other processes, unlike Open MPI's blocking
// calls, which spin.
#include <algorithm>
#include <chrono>
#include <thread>

namespace r1::mpi {

class BackOff {
 public:
  /// Call after each unsuccessful test.
  void pause() {
    if (spins_ < kSpins) {
      ++spins_;
      return;
    }
    std::this_thread::sleep_for(sleep_);
    sleep_ = std::min(sleep_ * 2, kLongest);
  }
  /// Whether the spin phase is over.
  bool sleeps() const { return spins_ >= kSpins; }

 private:
  static constexpr int kSpins = 100;  // about 50 us of MPI_Test
  static constexpr std::chrono::microseconds kLongest{1000};
  int spins_ = 0;
  std::chrono::microseconds sleep_{10};
};

}  // namespace r1::mpi
