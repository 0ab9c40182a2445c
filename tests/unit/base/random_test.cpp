#include "base/random.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/crc32c.h"

namespace r1::base {

// Known answers of Random123's kat_vectors for philox4x32-10, key and counter all zero.
TEST(Random, PhiloxMatchesThePublishedVector) {
  EXPECT_EQ(static_cast<std::uint32_t>(random_bits(0, 0)), 0x6627e8d5u);
  EXPECT_EQ(static_cast<std::uint32_t>(random_bits(0, 0) >> 32), 0xe169c58du);
}

TEST(Random, PermutationIsAPermutationOfTheSeed) {
  auto order = permutation(1000, 7);
  EXPECT_EQ(order, permutation(1000, 7));
  EXPECT_NE(order, permutation(1000, 8));
  std::sort(order.begin(), order.end());
  for (std::int64_t i = 0; i < 1000; ++i) EXPECT_EQ(order[static_cast<std::size_t>(i)], i);
}

TEST(Crc32c, MatchesRfc3720) {
  EXPECT_EQ(crc32c("123456789", 9), 0xE3069283u);
  EXPECT_EQ(crc32c("6789", 4, crc32c("12345", 5)), 0xE3069283u);
  // Long texts take another way: it agrees with that of short pieces.
  std::string text;
  for (std::uint32_t i = 0; i < 60'000; ++i) text += static_cast<char>(i * i / 7);
  std::uint32_t expected = 0;
  for (std::size_t i = 0; i < text.size(); i += 100)
    expected = crc32c(text.data() + i, 100, expected);
  EXPECT_EQ(crc32c(text.data(), text.size()), expected);
}

}  // namespace r1::base
