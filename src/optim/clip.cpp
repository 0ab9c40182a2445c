#include "optim/clip.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"

namespace r1::optim {
namespace {

constexpr std::size_t kWindow = 101;  // norms of the running median
constexpr std::size_t kFewest = 10;   // no judgement on fewer: the first steps vary

}  // namespace

double clip_scale(double norm, double max_norm) {
  constexpr double kEpsilon = 1e-6;
  return max_norm > 0.0 ? std::min(1.0, max_norm / (norm + kEpsilon)) : 1.0;
}

double OutlierGuard::bound() const {
  if (factor_ <= 0.0 || norms_.size() < kFewest) return std::numeric_limits<double>::infinity();
  std::vector<double> sorted = norms_;
  const auto middle = sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2);
  std::nth_element(sorted.begin(), middle, sorted.end());
  return factor_ * *middle;
}

std::string OutlierGuard::judge(const PendingStep& step) {
  const double norm = step.gradient_norm;
  const double limit = step.has_advantages ? bound() : std::numeric_limits<double>::infinity();
  if (std::isfinite(step.loss) && std::isfinite(norm) && norm <= limit) {
    if (step.has_advantages) norms_.push_back(norm);
    if (norms_.size() > kWindow) norms_.erase(norms_.begin());
    in_a_row_ = 0;
    return {};
  }
  ++num_skipped_;
  ++in_a_row_;
  auto reason = fmt::format("optimizer step {}: loss {}, gradient norm {}: expected finite values",
                            step.number, step.loss, norm);
  if (std::isfinite(limit))
    reason += fmt::format(" and a norm of at most {} ({} x the median)", limit, factor_);
  if (in_a_row_ >= max_in_a_row_)
    throw base::NumericalError(
        fmt::format("{}; {} steps in a row were skipped for this", reason, in_a_row_));
  return reason;
}

void OutlierGuard::restore(const State& state) {
  norms_ = state.norms;
  num_skipped_ = state.num_skipped;
  in_a_row_ = state.in_a_row;
}

}  // namespace r1::optim
