// Which samples move between engines.
#include "generation/balance_plan.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace r1::generation {
namespace {

std::vector<std::int64_t> unfinished_after(std::vector<EngineLoad> loads,
                                           const std::vector<SampleMove>& moves) {
  std::vector<std::int64_t> counts;
  for (const auto& load : loads) counts.push_back(load.unfinished());
  for (const auto& move : moves) {
    counts[move.from] -= move.waiting + move.running;
    counts[move.to] += move.waiting + move.running;
  }
  return counts;
}

TEST(BalancePlan, EqualLoadsStay) {
  EXPECT_TRUE(plan_moves(std::vector<EngineLoad>{{2, 4}, {0, 6}, {6, 0}}).empty());
  EXPECT_TRUE(plan_moves(std::vector<EngineLoad>{{0, 1}, {0, 0}}).empty());
}

TEST(BalancePlan, WaitingSamplesGoFirst) {
  const auto moves = plan_moves(std::vector<EngineLoad>{{5, 3}, {0, 2}});
  ASSERT_EQ(moves.size(), 1u);
  EXPECT_EQ(moves[0].from, 0u);
  EXPECT_EQ(moves[0].to, 1u);
  EXPECT_EQ(moves[0].waiting, 3);
  EXPECT_EQ(moves[0].running, 0);
}

TEST(BalancePlan, RunningSamplesGoToEnginesThatHoldHalfAsManyAtMost) {
  const auto to_idle = plan_moves(std::vector<EngineLoad>{{1, 5}, {0, 0}});
  ASSERT_EQ(to_idle.size(), 1u);
  EXPECT_EQ(to_idle[0].waiting, 1);
  EXPECT_EQ(to_idle[0].running, 2);
  EXPECT_TRUE(plan_moves(std::vector<EngineLoad>{{0, 6}, {0, 4}}).empty());
}

TEST(BalancePlan, OneGiverServesSeveral) {
  const std::vector<EngineLoad> loads{{0, 1}, {11, 1}, {0, 0}, {0, 0}};
  const auto moves = plan_moves(loads);
  EXPECT_EQ(moves.size(), 3u);
  EXPECT_EQ(unfinished_after(loads, moves), (std::vector<std::int64_t>{3, 4, 3, 3}));
}

/// Nothing is lost, nobody gives what it does not have, and waiting samples alone always even out.
TEST(BalancePlan, RandomLoads) {
  base::RandomStream stream(7);
  for (int round = 0; round < 300; ++round) {
    std::vector<EngineLoad> loads(static_cast<std::size_t>(stream.integer(1, 9)));
    const bool waiting_only = round % 2 == 0;
    for (auto& load : loads)
      load = {stream.integer(0, 12), waiting_only ? 0 : stream.integer(0, 12)};
    const auto moves = plan_moves(loads);
    std::vector<std::int64_t> waiting(loads.size()), running(loads.size());
    std::vector<int> roles(loads.size());  // bit 0: gives, bit 1: receives
    for (const auto& move : moves) {
      EXPECT_GT(move.waiting + move.running, 0);
      waiting[move.from] += move.waiting;
      running[move.from] += move.running;
      roles[move.from] |= 1;
      roles[move.to] |= 2;
    }
    for (std::size_t i = 0; i < loads.size(); ++i) {
      EXPECT_LE(waiting[i], loads[i].waiting);
      EXPECT_LE(running[i], loads[i].running);
      EXPECT_NE(roles[i], 3);
    }
    const auto counts = unfinished_after(loads, moves);
    const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
    EXPECT_LE(*most - *least, waiting_only ? 1 : *most);
  }
}

}  // namespace
}  // namespace r1::generation
