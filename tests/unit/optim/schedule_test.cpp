// Learning-rate schedules against the fixture.
#include "optim/schedule.h"

#include "support/loss_fixture.h"

namespace r1::optim {
namespace {

TEST(Schedule, MatchesFixture) {
  for (const auto& item : test::load_loss_fixture("lr_schedules")["cases"]) {
    const auto& params = item["params"];
    const ScheduleOptions options{params["kind"], params["warmup_steps"], params["min_lr_ratio"]};
    const double peak = params["peak_lr"];
    const auto& expected = item["expected"]["lr"];
    for (std::size_t step = 0; step < expected.size(); ++step)
      EXPECT_NEAR(
          learning_rate(options, peak, static_cast<std::int64_t>(step), params["total_steps"]),
          expected[step].get<double>(), 1e-10 * peak)
          << item["name"] << " step " << step;
  }
}

TEST(Schedule, ConstantAfterWarmup) {
  const ScheduleOptions options{"constant", 4, 0.0};
  EXPECT_EQ(learning_rate(options, 1.0, 1, 10), 0.25);
  EXPECT_EQ(learning_rate(options, 1.0, 4, 10), 1.0);
  EXPECT_EQ(learning_rate(options, 1.0, 400, 10), 1.0);
}

}  // namespace
}  // namespace r1::optim
