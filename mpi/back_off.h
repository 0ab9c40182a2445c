#pragma once
// How a rank waits: a short spin for calls that complete at once, then sleeps that grow to 1 ms, so
// that an idle rank leaves its core to others (Open MPI's blocking calls spin for ever).
#include <algorithm>
#include <chrono>
#include <thread>

namespace r1::mpi {

class BackOff {
 public:
  /// Call after each fruitless test.
  void pause() {
    if (spins_ < kSpins) {
      ++spins_;
      return;
    }
    std::this_thread::sleep_for(sleep_);
    sleep_ = std::min(sleep_ * 2, kLongest);
  }
  /// Whether the short spin is over.
  bool sleeps() const { return spins_ >= kSpins; }

 private:
  static constexpr int kSpins = 100;  // about 50 us of MPI_Test
  static constexpr std::chrono::microseconds kLongest{1000};
  int spins_ = 0;
  std::chrono::microseconds sleep_{10};
};

}  // namespace r1::mpi
