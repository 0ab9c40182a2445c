#pragma once
// One metric of one stage, reduced to a bounded number of points while it is read.
#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace r1::metrics {

/// Mean, minimum and maximum of neighbouring steps.
struct Point {
  double step = 0.0;  // mean of the steps
  double mean = 0.0;
  double low = 0.0;
  double high = 0.0;
};

/// Accepts any number of (step, value) pairs and keeps at most `max_points` points: at this limit,
/// neighbouring points are joined. Values that are not finite are counted and left out.
class Series {
 public:
  explicit Series(std::size_t max_points = 400) : max_points_(max_points < 2 ? 2 : max_points) {}

  void add(std::int64_t step, double value);
  std::vector<Point> points() const;
  bool empty() const { return bins_.empty(); }
  std::int64_t num_values() const { return num_values_; }
  double sum() const { return sum_; }
  double last() const { return last_; }
  /// Whether a point represents several values.
  bool is_thinned() const { return per_bin_ > 1; }
  /// Mean of the first and of the last twentieth of the points (at least one point): the values
  /// before and after the stage.
  double beginning() const;
  double end() const;

 private:
  struct Bin {
    double steps = 0.0, sum = 0.0, count = 0.0;
    double low = std::numeric_limits<double>::infinity();
    double high = -std::numeric_limits<double>::infinity();
    void join(const Bin& other);
  };
  double mean_of(std::size_t begin, std::size_t end) const;

  std::size_t max_points_;
  double per_bin_ = 1.0;
  std::vector<Bin> bins_;
  std::int64_t num_values_ = 0;
  double sum_ = 0.0;
  double last_ = std::numeric_limits<double>::quiet_NaN();
};

}  // namespace r1::metrics
