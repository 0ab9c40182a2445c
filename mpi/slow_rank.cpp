#include "slow_rank.h"

#include <fmt/format.h>

#include <algorithm>

namespace r1::mpi {
namespace {

constexpr std::size_t kWindow = 10;
constexpr std::int64_t kOftenSlow = 8;
constexpr double kSlowRatio = 1.05;
constexpr double kLeastSeconds =
    0.01;  // a step: the first rank, which writes, has that much more to do
constexpr std::int64_t kSilentSteps = 100;

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

std::string SlowRank::add(const std::vector<double>& busy) {
  if (ranks_.size() < 2) return {};
  auto& step = window_.emplace_back();
  for (const int rank : ranks_) step.push_back(busy[static_cast<std::size_t>(rank)]);
  if (window_.size() > kWindow) window_.pop_front();
  if (silent_steps_ > 0) --silent_steps_;
  if (window_.size() < kWindow || silent_steps_ > 0) return {};
  std::vector<double> sums(ranks_.size(), 0.0);
  std::vector<std::int64_t> times_slow(ranks_.size(), 0);
  for (const auto& values : window_) {
    const double least = std::max(kSlowRatio * median(values), median(values) + kLeastSeconds);
    for (std::size_t i = 0; i < values.size(); ++i) {
      sums[i] += values[i];
      if (values[i] > least) ++times_slow[i];
    }
  }
  const auto slowest = static_cast<std::size_t>(
      std::max_element(times_slow.begin(), times_slow.end()) - times_slow.begin());
  if (times_slow[slowest] < kOftenSlow) return {};
  const double usual = median(sums);
  silent_steps_ = kSilentSteps;
  return fmt::format(
      "rank {} is slow: it computed {:.2f} s in the last {} steps, the median of its role {:.2f} s",
      ranks_[slowest], sums[slowest], kWindow, usual);
}

}  // namespace r1::mpi
