// F15: a rank that is always slower than the others is named; noise is not.
#include "slow_rank.h"

#include <gtest/gtest.h>

namespace r1::mpi {
namespace {

TEST(SlowRank, ARankThatIsTenPercentSlowerIsNamedOnce) {
  SlowRank watch({0, 1, 3});
  std::vector<std::string> lines;
  for (int step = 0; step < 50; ++step) {
    const auto line = watch.add({1.0, 1.01, 50.0, 1.1});  // rank 2 has another role
    if (!line.empty()) lines.push_back(line);
  }
  ASSERT_EQ(lines.size(), 1u);
  EXPECT_EQ(lines[0].find("rank 3 is slow: "), 0u) << lines[0];
}

TEST(SlowRank, RanksThatTakeTurnsAndOneSlowStepAreNoNews) {
  SlowRank watch({0, 1});
  for (int step = 0; step < 100; ++step)
    EXPECT_EQ(watch.add(step % 2 == 0 ? std::vector{1.0, 2.0} : std::vector{2.0, 1.0}), "");
  SlowRank once({0, 1});
  for (int step = 0; step < 100; ++step) EXPECT_EQ(once.add({1.0, step == 50 ? 30.0 : 1.01}), "");
}

TEST(SlowRank, MillisecondsAreNoNews) {
  SlowRank watch({0, 1});
  for (int step = 0; step < 100; ++step) EXPECT_EQ(watch.add({0.008, 0.004}), "");
}

TEST(SlowRank, ARoleOfOneRankHasNobodyToBeComparedWith) {
  SlowRank watch({1});
  for (int step = 0; step < 50; ++step) EXPECT_EQ(watch.add({1.0, 9.0}), "");
}

}  // namespace
}  // namespace r1::mpi
