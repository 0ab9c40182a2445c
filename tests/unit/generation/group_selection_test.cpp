// Which groups a step trains on under partial rollouts: finished ones, the oldest first, none after
// the step in which its batch is due.
#include "generation/group_selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "base/random.h"

namespace r1::generation {
namespace {

using Groups = std::vector<std::int64_t>;

TEST(GroupSelection, TakesTheOldestThatAreFinished) {
  const GroupWindow window{.num_batches = 3, .batch_size = 2, .samples = 4};
  EXPECT_EQ(choose_groups(Groups{4, 4, 4, 4, 0, 0}, window), (Groups{0, 1}));
  EXPECT_EQ(choose_groups(Groups{4, -1, 3, 4, 4, 0}, window), (Groups{0, 3}));
}

TEST(GroupSelection, WaitsForAStepsWorthOfGroups) {
  const GroupWindow window{.num_batches = 3, .batch_size = 2, .samples = 4};
  EXPECT_EQ(choose_groups(Groups{4, -1, 3, 3, 3, 3}, window), Groups{});
  EXPECT_EQ(choose_groups(Groups{-1, -1, -1, 3, 4, 4}, window), (Groups{4, 5}));
}

TEST(GroupSelection, WaitsForWhatIsDue) {
  const GroupWindow window{.num_batches = 3, .batch_size = 2, .samples = 4};
  EXPECT_EQ(choose_groups(Groups{3, -1, 4, 4, 4, 4}, window), Groups{});
  EXPECT_EQ(choose_groups(Groups{4, -1, 3, 3, 4, 4}, window), (Groups{0, 4}));
}

TEST(GroupSelection, AStepsGroupsHaveTheClassesOfTheOpenOnes) {
  const GroupWindow window{.num_batches = 2, .batch_size = 5, .num_classes = 2, .samples = 1};
  EXPECT_EQ(choose_groups(Groups{1, -1, 1, -1, 1, 1, 1, 0, 0, 1}, window), Groups{})
      << "one of class 1 is missing";
  EXPECT_EQ(choose_groups(Groups{1, -1, 1, -1, 1, 1, 1, 0, 0, 1}, {2, 5, 1, 1}),
            (Groups{0, 2, 4, 5, 6}));
  EXPECT_EQ(choose_groups(Groups{1, -1, -1, -1, 1, 0, 1, 1, 1, 1}, window),
            (Groups{0, 6, 4, 8, 7}));
}

/// Samples that end at random: no group is trained on twice or late, and whoever finishes all can
/// always go on.
TEST(GroupSelection, NoGroupIsLate) {
  constexpr std::int64_t kSteps = 40, kAlong = 3, kLate = 2;
  for (const std::int64_t classes : {1, 2, 3}) {
    base::RandomStream stream(static_cast<std::uint64_t>(classes));
    const std::int64_t size = 5;
    std::map<std::int64_t, bool> open;  // batch * size + place -> finished
    std::int64_t next_batch = 0, num_early = 0, num_late = 0;
    for (std::int64_t step = 0; step < kSteps; ++step) {
      for (; next_batch < std::min(step + 1 + kAlong, kSteps); ++next_batch)
        for (std::int64_t place = 0; place < size; ++place) open[next_batch * size + place] = false;
      const GroupWindow window{kLate + 1 + kAlong, size, classes, 1};
      const auto first = (step - kLate) * size;
      Groups chosen;
      for (int round = 0; chosen.empty(); ++round) {
        ASSERT_LT(round, 1000) << "everything is finished";
        Groups finished(static_cast<std::size_t>(window.size()), -1);
        for (auto& [group, is_finished] : open) {
          is_finished = is_finished || stream.uniform() < (group % 7 == 0 ? 0.02 : 0.3);
          finished.at(static_cast<std::size_t>(group - first)) = is_finished ? 1 : 0;
        }
        chosen = choose_groups(finished, window);
      }
      ASSERT_EQ(chosen.size(), static_cast<std::size_t>(size));
      for (std::int64_t j = 0; j < size; ++j) {
        const auto group = chosen[static_cast<std::size_t>(j)];
        EXPECT_EQ(group % size % classes, j % classes);
        EXPECT_TRUE(open.at(group + first));
        num_early += (group + first) / size > step ? 1 : 0;
        num_late += (group + first) / size < step ? 1 : 0;
        open.erase(group + first);
      }
      for (const auto& [group, is_finished] : open)
        EXPECT_GT(group / size + kLate, step) << "too late";
    }
    EXPECT_TRUE(open.empty());
    EXPECT_GT(num_early, 0);
    EXPECT_GT(num_late, 0);
  }
}

}  // namespace
}  // namespace r1::generation
