// Which groups of a step are trained on when some of them teach nothing.
#include <gtest/gtest.h>

#include "stages/dynamic_sampling.h"

namespace r1::mpi {
namespace {

using Groups = std::vector<std::int64_t>;

TEST(ChooseGroups, FirstUsefulOnesInOrder) {
  EXPECT_EQ(choose_groups({true, false, true, true, false, true}, 3), (Groups{0, 2, 3}));
  EXPECT_EQ(choose_groups({false, false, true, true}, 2), (Groups{2, 3}));
}

TEST(ChooseGroups, EqualRewardsFillWhatIsMissing) {
  EXPECT_EQ(choose_groups({false, true, false, false, true}, 4), (Groups{0, 1, 2, 4}));
  EXPECT_EQ(choose_groups({false, false, false}, 2), (Groups{0, 1}));
}

TEST(ChooseGroups, NeverMoreThanThereAre) {
  EXPECT_EQ(choose_groups({true, false}, 2), (Groups{0, 1}));
  EXPECT_EQ(choose_groups({}, 2), Groups{});
}

}  // namespace
}  // namespace r1::mpi
