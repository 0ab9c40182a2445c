#pragma once
// Names the rank that the others wait for. Pure: fed with what each rank computed in a step.
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace r1::mpi {

/// A rank is slow when in eight of the last ten steps it computed 5 %, and 10 ms, longer than the
/// median of its role: one slow step, ranks that take turns, or milliseconds are no news.
class SlowRank {
 public:
  /// `ranks`: of one role. Fewer than two have nobody to be compared with.
  explicit SlowRank(std::vector<int> ranks) : ranks_(std::move(ranks)) {}

  /// `busy[r]`: seconds that world rank r computed in a step, without waits. Returns a line for the
  /// log when a rank is slow, at most once per hundred steps; else nothing.
  std::string add(const std::vector<double>& busy);

 private:
  std::vector<int> ranks_;
  std::deque<std::vector<double>> window_;  // of the role's ranks
  std::int64_t silent_steps_ = 0;           // before the next line
};

}  // namespace r1::mpi
