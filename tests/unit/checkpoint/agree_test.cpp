// Byte strings of all ranks on the first.
#include "checkpoint/agree.h"

#include <gtest/gtest.h>

#include "unit/checkpoint/support.h"

namespace r1::checkpoint {
namespace {

// Of another length on each rank, now and then empty.
std::string bytes_of(int rank) {
  return rank % 3 == 2 ? std::string()
                       : std::string(static_cast<std::size_t>(rank + 1), static_cast<char>(rank));
}

TEST(GatherBytes, GivesTheFirstRankAllPartsInRankOrder) {
  for (const int size : {1, 2, 3, 4, 5, 7, 8})
    run_ranks(size, [&](parallel::Communicator& communicator) {
      const auto parts = gather_bytes(communicator, bytes_of(communicator.rank()), "test");
      if (communicator.rank() != 0) {
        EXPECT_TRUE(parts.empty());
        return;
      }
      ASSERT_EQ(static_cast<int>(parts.size()), size);
      for (int rank = 0; rank < size; ++rank)
        EXPECT_EQ(parts[static_cast<std::size_t>(rank)], bytes_of(rank)) << rank << " of " << size;
    });
}

}  // namespace
}  // namespace r1::checkpoint
