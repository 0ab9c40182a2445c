// Every token of a batch has one place on one rank, and the ranks' attention costs the same.
#include "parallel/context_split.h"

#include <gtest/gtest.h>

#include <numeric>

namespace r1::parallel {
namespace {

TEST(ContextSplit, EveryTokenHasOnePlace) {
  for (const int ranks : {1, 2, 3, 5})
    for (const std::int64_t num_tokens : {1, 2, 7, 10, 12, 61}) {
      const ContextSplit split(num_tokens, ranks);
      ASSERT_GE(split.rows_per_rank() * ranks, num_tokens);
      std::vector<int> times(static_cast<std::size_t>(num_tokens), 0);
      for (int rank = 0; rank < ranks; ++rank) {
        const auto tokens = split.tokens(rank);
        ASSERT_EQ(static_cast<std::int64_t>(tokens.size()), split.rows_per_rank());
        for (std::size_t row = 0; row < tokens.size(); ++row) {
          if (tokens[row] < 0) continue;
          ++times[static_cast<std::size_t>(tokens[row])];
          EXPECT_EQ(split.place(tokens[row]),
                    rank * split.rows_per_rank() + static_cast<std::int64_t>(row));
        }
      }
      EXPECT_EQ(times, std::vector<int>(times.size(), 1)) << num_tokens << " over " << ranks;
    }
}

TEST(ContextSplit, RanksAttendToEquallyManyKeys) {
  constexpr std::int64_t kTokens = 64;
  const ContextSplit split(kTokens, 4);
  for (int rank = 0; rank < 4; ++rank) {
    const auto tokens = split.tokens(rank);
    const auto keys = std::accumulate(tokens.begin(), tokens.end(), std::int64_t{0}) +
                      static_cast<std::int64_t>(tokens.size());
    EXPECT_EQ(keys, kTokens * (kTokens + 1) / 2 / 4) << "rank " << rank;
  }
}

}  // namespace
}  // namespace r1::parallel
