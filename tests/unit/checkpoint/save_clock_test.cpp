// When an automatic interval saves: at once, then as often as the measured cost of a save is worth.
#include "checkpoint/save_clock.h"

#include <gtest/gtest.h>

namespace r1::checkpoint {
namespace {

/// One failure in 8 hours; Young's interval is sqrt(2 x cost x 28,800 s).
CheckpointOptions automatic() {
  CheckpointOptions options;
  options.interval_steps = 0;
  options.mtbf_hours = 8.0;
  return options;
}

TEST(SaveClock, TheFirstStepIsSavedToMeasureTheCost) {
  SaveClock clock;
  EXPECT_TRUE(clock.is_due(automatic(), 0));
  clock.step_took(100.0);
  EXPECT_TRUE(clock.is_due(automatic(), 1));
}

TEST(SaveClock, TheIntervalComesFromWhatStepsAndSavesTook) {
  SaveClock clock;
  clock.step_took(5.0);
  clock.save_took(8.0);
  clock.step_took(15.0);  // mean 10 s; sqrt(2 x 8 x 28,800) = 678.8 s: 68 steps, rounded either way
  EXPECT_FALSE(clock.is_due(automatic(), 66));
  EXPECT_TRUE(clock.is_due(automatic(), 69));
}

TEST(SaveClock, ADearerSaveComesLater) {
  SaveClock clock;
  clock.step_took(10.0);
  clock.save_took(8.0);
  EXPECT_TRUE(clock.is_due(automatic(), 69));
  clock.save_took(32.0);  // the last one counts: twice the interval
  EXPECT_FALSE(clock.is_due(automatic(), 69));
  EXPECT_TRUE(clock.is_due(automatic(), 137));
}

TEST(SaveClock, FreeSavesComeEveryStep) {
  SaveClock clock;
  clock.step_took(10.0);
  clock.save_took(0.0);
  EXPECT_FALSE(clock.is_due(automatic(), 0));
  EXPECT_TRUE(clock.is_due(automatic(), 1));
}

}  // namespace
}  // namespace r1::checkpoint
