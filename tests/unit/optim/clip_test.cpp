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

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

OutlierGuard settled_guard(std::int64_t max_in_a_row) {
  OutlierGuard guard(20.0, max_in_a_row);
  for (int step = 0; step < 20; ++step)
    EXPECT_EQ(guard.judge({step, 0.1, 1.0 + 0.01 * step, true}), "");
  return guard;
}

TEST(OutlierGuard, WithoutAFactorOnlyWhatIsNotFiniteIsSkipped) {
  OutlierGuard guard(0.0, 5);
  for (int step = 0; step < 20; ++step) EXPECT_EQ(guard.judge({step, 0.1, 1e-4, true}), "");
  EXPECT_EQ(guard.judge({20, 0.1, 1e6, true}), "");
  EXPECT_NE(guard.judge({21, kNaN, 1.0, true}), "");
  EXPECT_NE(guard.judge({22, 0.1, kInfinity, false}), "");
  EXPECT_EQ(guard.num_skipped(), 2);
}

TEST(OutlierGuard, TheReasonNamesStepNormAndBound) {
  OutlierGuard guard = settled_guard(5);
  EXPECT_EQ(guard.judge({20, 0.5, 30.0, true}),
            "optimizer step 20: loss 0.5, gradient norm 30: expected finite values and a norm of "
            "at most 22 (20 x the median)");
  EXPECT_EQ(guard.judge({21, 0.5, 15.0, true}), "");
  EXPECT_EQ(guard.num_skipped(), 1);
}

// With sparse rewards most steps have the gradient of a KL or entropy term alone.
TEST(OutlierGuard, StepsWithoutAdvantagesAreNeitherJudgedNorCompared) {
  OutlierGuard guard(20.0, 3);
  for (int step = 0; step < 100; ++step) {
    const bool has_advantages = step % 5 == 4;
    EXPECT_EQ(guard.judge({step, 0.1, has_advantages ? 1.0 : 1e-4, has_advantages}), "") << step;
  }
  EXPECT_EQ(guard.judge({100, 0.1, 21.0, false}), "");
  EXPECT_NE(guard.judge({101, 0.1, 21.0, true}), "");
}

TEST(OutlierGuard, SkippedStepsDoNotMoveTheMedian) {
  OutlierGuard guard = settled_guard(100);
  for (int step = 20; step < 60; ++step) EXPECT_NE(guard.judge({step, 0.1, 30.0, true}), "");
}

TEST(OutlierGuard, ThrowsAfterTooManyInARow) {
  OutlierGuard guard = settled_guard(3);
  EXPECT_NE(guard.judge({20, 0.1, 100.0, true}), "");
  EXPECT_NE(guard.judge({21, 0.1, 100.0, true}), "");
  EXPECT_THROW(guard.judge({22, 0.1, 100.0, true}), base::NumericalError);
}

TEST(OutlierGuard, ContinuesAsNeverStopped) {
  OutlierGuard first = settled_guard(3);
  EXPECT_NE(first.judge({20, 0.1, 100.0, true}), "");
  OutlierGuard second(20.0, 3);
  second.restore(first.state());
  EXPECT_NE(second.judge({21, 0.1, 100.0, true}), "");
  EXPECT_THROW(second.judge({22, 0.1, 100.0, true}), base::NumericalError);
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
