// Global norm: value, order; clipping; the outlier guard.
#include "optim/clip.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/errors.h"
#include "kernels/sum_of_squares.h"
#include "optim/options.h"

namespace r1::optim {
namespace {

TEST(SumOfSquares, EqualsFp64ForEveryDtype) {
  at::manual_seed(2);
  const at::Tensor values = at::randn({100003}, at::kDouble).to(at::kBFloat16);
  const double exact = values.to(at::kDouble).square().sum().item<double>();
  for (const auto dtype : {at::kBFloat16, at::kFloat, at::kDouble})
    EXPECT_NEAR(kernels::sum_of_squares(values.to(dtype)).item<double>(), exact, 1e-12 * exact);
}

TEST(SumOfSquares, ThreadsDoNotChangeABit) {
  const at::Tensor values = at::randn({500001}, at::kFloat);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const double one = kernels::sum_of_squares(values).item<double>();
  at::set_num_threads(2);
  const double two = kernels::sum_of_squares(values).item<double>();
  at::set_num_threads(threads);
  EXPECT_EQ(one, two);
}

TEST(ClipScale, ShrinksOnlyWhatIsTooLong) {
  EXPECT_EQ(clip_scale(0.5, 1.0), 1.0);
  EXPECT_NEAR(clip_scale(4.0, 1.0), 0.25, 1e-6);
  EXPECT_EQ(clip_scale(4.0, 0.0), 1.0);
}

OutlierGuard settled_guard(std::int64_t max_in_a_row) {
  OutlierGuard guard(20.0, max_in_a_row);
  for (int step = 0; step < 20; ++step) EXPECT_TRUE(guard.accept(step, 0.1, 1.0 + 0.01 * step));
  return guard;
}

TEST(OutlierGuard, SkipsAndCountsOutliers) {
  OutlierGuard guard = settled_guard(5);
  EXPECT_FALSE(guard.accept(20, 0.1, 30.0));
  EXPECT_FALSE(guard.accept(21, std::numeric_limits<double>::quiet_NaN(), 1.0));
  EXPECT_FALSE(guard.accept(22, 0.1, std::numeric_limits<double>::infinity()));
  EXPECT_TRUE(guard.accept(23, 0.1, 15.0));
  EXPECT_EQ(guard.num_skipped(), 3);
}

TEST(OutlierGuard, ThrowsAfterTooManyInARow) {
  OutlierGuard guard = settled_guard(3);
  EXPECT_FALSE(guard.accept(20, 0.1, 100.0));
  EXPECT_FALSE(guard.accept(21, 0.1, 100.0));
  EXPECT_THROW(guard.accept(22, 0.1, 100.0), base::NumericalError);
}

TEST(OutlierGuard, StepsWithoutGradientDoNotMoveTheMedian) {
  OutlierGuard guard(20.0, 3);
  for (int step = 0; step < 50; ++step) EXPECT_TRUE(guard.accept(step, 0.0, 0.0));
  EXPECT_TRUE(guard.accept(50, 0.1, 1.0));
}

TEST(OutlierGuard, ContinuesAsNeverStopped) {
  OutlierGuard first = settled_guard(3);
  EXPECT_FALSE(first.accept(20, 0.1, 100.0));
  OutlierGuard second(20.0, 3);
  second.restore(first.state());
  EXPECT_FALSE(second.accept(21, 0.1, 100.0));
  EXPECT_THROW(second.accept(22, 0.1, 100.0), base::NumericalError);
  EXPECT_EQ(second.num_skipped(), 3);
}

TEST(OptimizerOptions, ReportsEveryProblem) {
  OptimizerOptions options;
  options.learning_rate = 0.0;
  options.beta2 = 1.0;
  options.schedule.min_ratio = 0.1;
  base::Problems problems;
  options.check("optimizer", problems);
  ASSERT_EQ(problems.list().size(), 3u);
  EXPECT_EQ(problems.list()[2].key, "optimizer.schedule.min_ratio");
}

}  // namespace
}  // namespace r1::optim
