// Boxes are cut into pieces that cover them once.
#include "parallel/box.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

namespace r1::parallel {
namespace {

TEST(Cut, PiecesCoverTheBoxOnceAndAreNoLargerThanAsked) {
  const Box box{{2, 1, 3}, {3, 4, 5}};
  for (const std::int64_t most : {1, 2, 4, 5, 7, 20, 41, 59, 60, 100}) {
    const auto counts = at::zeros({6, 6, 9}, at::kLong);
    for (const auto& piece : cut(box, most)) {
      EXPECT_LE(volume(piece.extent), most);
      part_of_tensor(counts, piece.offset, piece.extent).add_(1);
    }
    const auto inside = part_of_tensor(counts, box.offset, box.extent);
    EXPECT_TRUE(at::equal(inside, at::ones_like(inside))) << most;
    EXPECT_EQ(counts.sum().item<std::int64_t>(), 60) << most;
  }
}

TEST(Cut, LeavesABoxThatIsSmallEnough) {
  const Box box{{4}, {7}};
  EXPECT_EQ(cut(box, 7), std::vector{box});
  EXPECT_EQ(cut({}, 1), std::vector{Box{}});
}

}  // namespace
}  // namespace r1::parallel
