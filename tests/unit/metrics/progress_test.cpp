#include "metrics/progress.h"

#include <gtest/gtest.h>

#include <cmath>

#include "metrics/text.h"

namespace r1::metrics {

TEST(Progress, TimeLeftComesFromMeasuredSteps) {
  TimeEstimate estimate({{"rl1", "rl", 100, 0}, {"rl2", "rl", 50, 0}});
  estimate.begin_stage(0, 10);
  EXPECT_FALSE(estimate.stage_left());
  estimate.step_done(2.0);
  estimate.step_done(4.0);
  EXPECT_DOUBLE_EQ(*estimate.stage_left(), 88 * 3.0);
  EXPECT_DOUBLE_EQ(*estimate.pipeline_left(), 88 * 3.0 + 50 * 3.0);
}

TEST(Progress, LaterStagesScaleTheirPlan) {
  TimeEstimate estimate(
      {{"rl1", "rl", 2, 1.0}, {"sft", "sft", 10, 0.5}, {"distill", "distill", 4, 0}});
  estimate.begin_stage(0, 0);
  estimate.step_done(3.0);
  EXPECT_FALSE(estimate.pipeline_left()) << "nothing is known about distill";
  TimeEstimate planned({{"rl1", "rl", 2, 1.0}, {"sft", "sft", 10, 0.5}});
  planned.begin_stage(0, 0);
  planned.step_done(3.0);
  EXPECT_DOUBLE_EQ(*planned.pipeline_left(), 3.0 + 10 * 0.5 * 3.0);
  planned.begin_stage(1, 0);
  EXPECT_DOUBLE_EQ(*planned.stage_left(), 10 * 0.5 * 3.0);
}

TEST(Progress, LineNamesStageStepAndTimes) {
  TimeEstimate estimate({{"rl1", "rl", 1000, 0}, {"rl2", "rl", 1000, 0}});
  estimate.begin_stage(0, 119);
  estimate.step_done(4.0);
  EXPECT_EQ(progress_line(estimate, "reward", 0.4123, 8123),
            "rl1  step 120/1000  reward 0.4123  8.12k tok/s  stage 58 min 40 s left  "
            "pipeline 2 h 05 min left");
  estimate.begin_stage(1, 999);
  estimate.step_done(4.0);
  EXPECT_EQ(progress_line(estimate, "reward", 0.5, 0), "rl2  step 1000/1000  reward 0.5");
  EXPECT_EQ(progress_line(TimeEstimate({{"sft", "sft", 0, 0}}), "loss", std::nan(""), 0),
            "sft  step 0");
}

TEST(Progress, LogLinesComeEveryFewStepsOrSeconds) {
  const auto lines = [](const ProgressInterval& interval, double seconds_of_step) {
    std::vector<std::int64_t> steps;
    double since = 1e300;
    for (std::int64_t done = 1; done <= 11; ++done, since += seconds_of_step) {
      if (!is_log_line_due(interval, done, 11, since)) continue;
      steps.push_back(done);
      since = 0.0;
    }
    return steps;
  };
  EXPECT_EQ(lines({4, 30.0}, 1000.0), (std::vector<std::int64_t>{1, 4, 8, 11}));
  EXPECT_EQ(lines({4, 30.0}, 0.0), (std::vector<std::int64_t>{1, 4, 8, 11}));
  EXPECT_EQ(lines({0, 30.0}, 10.0), (std::vector<std::int64_t>{1, 4, 7, 10, 11}));
  EXPECT_EQ(lines({0, 30.0}, 0.0), (std::vector<std::int64_t>{1, 11}));
}

TEST(Text, DurationsAndNumbers) {
  EXPECT_EQ(format_duration(0.25), "250 ms");
  EXPECT_EQ(format_duration(59.6), "1 min 00 s");
  EXPECT_EQ(format_duration(200000), "2 d 7 h");
  EXPECT_EQ(format_number(1e-6), "1.00e-06");
  EXPECT_EQ(format_number(3), "3");
}

TEST(Text, HtmlIsEscapedAndValidUtf8) {
  EXPECT_EQ(escape_html("<a href='x'>&\""), "&lt;a href=&#39;x&#39;&gt;&amp;&quot;");
  EXPECT_EQ(escape_html("한\xff\x01"), "한\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(escape_html("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(shorten("한국", 4), "한…");
}

}  // namespace r1::metrics
