#include "metrics/report/series.h"

#include <algorithm>
#include <cmath>

namespace r1::metrics {

void Series::Bin::join(const Bin& other) {
  steps += other.steps;
  sum += other.sum;
  count += other.count;
  low = std::min(low, other.low);
  high = std::max(high, other.high);
}

void Series::add(std::int64_t step, double value) {
  if (!std::isfinite(value)) return;
  ++num_values_;
  sum_ += value;
  last_ = value;
  if (bins_.empty() || bins_.back().count >= per_bin_) {
    if (bins_.size() == max_points_) {
      for (std::size_t i = 0; i < bins_.size(); ++i) {
        if (i % 2 == 0) {
          bins_[i / 2] = bins_[i];
        } else {
          bins_[i / 2].join(bins_[i]);
        }
      }
      bins_.resize((bins_.size() + 1) / 2);
      per_bin_ *= 2;
    }
    if (bins_.empty() || bins_.back().count >= per_bin_) bins_.emplace_back();
  }
  bins_.back().join({static_cast<double>(step), value, 1.0, value, value});
}

std::vector<Point> Series::points() const {
  std::vector<Point> points;
  points.reserve(bins_.size());
  for (const Bin& bin : bins_)
    points.push_back({bin.steps / bin.count, bin.sum / bin.count, bin.low, bin.high});
  return points;
}

double Series::mean_of(std::size_t begin, std::size_t end) const {
  double sum = 0.0, count = 0.0;
  for (std::size_t i = begin; i < end; ++i) {
    sum += bins_[i].sum;
    count += bins_[i].count;
  }
  return count > 0 ? sum / count : std::numeric_limits<double>::quiet_NaN();
}

double Series::beginning() const {
  return mean_of(0, std::min(bins_.size(), std::max<std::size_t>(1, bins_.size() / 20)));
}

double Series::end() const {
  const std::size_t share = std::min(bins_.size(), std::max<std::size_t>(1, bins_.size() / 20));
  return mean_of(bins_.size() - share, bins_.size());
}

}  // namespace r1::metrics
