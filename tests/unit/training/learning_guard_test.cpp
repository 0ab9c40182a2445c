// A run that learns nothing is stopped; a run whose rewards are rare is not.
#include "training/learning_guard.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace r1::training {
namespace {

metrics::StepMetrics step(double dropped, double gradient_norm, double learning_rate = 1e-6) {
  metrics::StepMetrics metrics;
  return metrics.set("dropped_share", dropped)
      .set("gradient_norm", gradient_norm)
      .set("learning_rate", learning_rate);
}

/// Steps that pass until the guard stops the run; -1: `most` steps pass.
std::int64_t steps_until_stop(LearningGuard& guard, const metrics::StepMetrics& metrics,
                              std::int64_t most) {
  for (std::int64_t k = 0; k < most; ++k) {
    try {
      guard.step_done(k, metrics);
    } catch (const base::InputError&) {
      return k;
    }
  }
  return -1;
}

}  // namespace

TEST(LearningGuard, SamplesWithoutAScoreStopTheRun) {
  config::RunOptions options;
  options.max_lost_steps = 3;
  LearningGuard guard(options);
  EXPECT_EQ(steps_until_stop(guard, step(0.95, 1.0), 10), 2);
  LearningGuard few(options);
  EXPECT_EQ(steps_until_stop(few, step(0.85, 1.0), 10), -1);
  for (int k = 0; k < 10; ++k) {  // never three in a row
    few.step_done(k, step(1.0, 1.0));
    few.step_done(k, step(1.0, 1.0));
    few.step_done(k, step(0.0, 1.0));
  }
  options.max_lost_share = 1.0;
  LearningGuard any(options);
  EXPECT_EQ(steps_until_stop(any, step(1.0, 1.0), 10), -1);
}

TEST(LearningGuard, ACommandThatNeverAnswersStopsTheFirstStep) {
  auto never = step(0.0, 1.0), some = step(0.0, 1.0);
  never.set("reward/external.failed", 1.0);
  some.set("reward/external.failed", 0.5);
  LearningGuard first({});
  EXPECT_EQ(steps_until_stop(first, never, 10), 0);
  LearningGuard later({});
  EXPECT_EQ(steps_until_stop(later, some, 10), -1);
  EXPECT_EQ(steps_until_stop(later, never, 10), 4);
}

TEST(LearningGuard, RareRewardsAreNoReasonToStop) {
  config::RunOptions options;
  options.max_idle_steps = 20;
  LearningGuard rare(options);
  for (int k = 0; k < 200; ++k) rare.step_done(k, step(0.0, k % 20 == 19 ? 0.1 : 0.0));
  LearningGuard never(options);
  EXPECT_EQ(steps_until_stop(never, step(0.0, 0.0), 100), 19);
  LearningGuard no_rate(options);
  EXPECT_EQ(steps_until_stop(no_rate, step(0.0, 1.0, 0.0), 100), 19);
  options.max_idle_steps = 0;
  LearningGuard unlimited(options);
  EXPECT_EQ(steps_until_stop(unlimited, step(0.0, 0.0), 5000), -1);
}

TEST(LearningGuard, StepsWithoutAnUpdateAreNotJudged) {
  LearningGuard guard({});
  EXPECT_EQ(steps_until_stop(guard, metrics::StepMetrics(), 5000), -1);
}

}  // namespace r1::training
