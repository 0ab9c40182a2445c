// A signal to one rank stops all; the time limit counts what steps and checkpoints took.
#include "mpi/shutdown.h"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <ctime>
#include <string>

#include "base/timer.h"
#include "mpi/stop_channel.h"
#include "support/world.h"

namespace r1::mpi {
namespace {

TEST(AgreeToStop, NobodyStopsWithoutAReason) {
  auto world = test::make_world();
  const SignalHandlers handlers;
  EXPECT_FALSE(agree_to_stop(world, TimeBudget()));
}

TEST(AgreeToStop, ASignalToOneRankStopsAll) {
  auto world = test::make_world();
  const SignalHandlers handlers;
  if (world.rank() == world.size() - 1) ::raise(SIGUSR1);
  const auto token = agree_to_stop(world, TimeBudget());
  EXPECT_EQ(token.reason, StopToken::Signal);
  EXPECT_EQ(token.signal, SIGUSR1);
  EXPECT_EQ(token.describe(), "signal 10 (User defined signal 1)");
}

TEST(AgreeToStop, OneRankWithoutTimeStopsAll) {
  auto world = test::make_world();
  const SignalHandlers handlers;
  const double now = base::monotonic_seconds();
  const TimeBudget budget(world.rank() == 0 ? now + 1.0 : now + 1e6);
  EXPECT_EQ(agree_to_stop(world, budget).reason, StopToken::TimeLimit);
}

TEST(StopChannelTest, ASignalToOneRankReachesAllWithoutACollective) {
  auto world = test::make_world();
  for (int sender = 0; sender < world.size(); ++sender) {
    const SignalHandlers handlers;
    StopChannel channel;
    EXPECT_FALSE(channel.asked());
    world.barrier("all have looked");
    if (world.rank() == sender) ::raise(SIGTERM);
    while (!channel.asked()) {
    }
    EXPECT_EQ(SignalHandlers::received() != 0, world.rank() == sender);
    world.barrier("all know");
  }
}

TEST(SignalHandlersTest, ContinueIsIgnored) {
  const SignalHandlers handlers;
  ::raise(SIGCONT);
  EXPECT_EQ(SignalHandlers::received(), 0);
  ::raise(SIGTERM);
  EXPECT_EQ(SignalHandlers::received(), SIGTERM);
}

TEST(TimeBudget, StopsWhenAStepAndACheckpointDoNotFit) {
  TimeBudget budget(1000.0, 1.25, 30.0);
  budget.record_step(60.0);
  budget.record_checkpoint(20.0);
  EXPECT_DOUBLE_EQ(budget.needed_seconds(), 130.0);
  EXPECT_TRUE(budget.another_step_fits(870.0));
  EXPECT_FALSE(budget.another_step_fits(870.5));
}

TEST(TimeBudget, RemembersASlowStepForAWhile) {
  TimeBudget budget(1000.0, 1.25, 0.0);
  budget.record_step(100.0);
  budget.record_step(1.0);
  EXPECT_GT(budget.needed_seconds(), 100.0);
  for (int i = 0; i < 100; ++i) budget.record_step(1.0);
  EXPECT_DOUBLE_EQ(budget.needed_seconds(), 1.25);
}

TEST(TimeLimit, TheEarlierOfOptionAndSlurmCounts) {
  const double now = base::monotonic_seconds();
  ::unsetenv("SLURM_JOB_END_TIME");
  EXPECT_FALSE(find_deadline(0).has_value());
  EXPECT_GE(*find_deadline(3600), now + 3600);
  ::setenv("SLURM_JOB_END_TIME", std::to_string(std::time(nullptr) + 100).c_str(), 1);
  EXPECT_LT(*find_deadline(3600), now + 200);
  EXPECT_LT(*find_deadline(0), now + 200);
  ::unsetenv("SLURM_JOB_END_TIME");
}

}  // namespace
}  // namespace r1::mpi
