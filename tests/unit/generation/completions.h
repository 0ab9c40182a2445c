#pragma once
// Completions of the engine that must be the same.
#include <gtest/gtest.h>

#include "data/types.h"

namespace r1::generation {

using Completions = std::vector<std::vector<data::Completion>>;
inline constexpr double kRounding =
    1e-10;  // fp64: a token's keys and values by prefill or by decode

inline void expect_same_ids(const Completions& found, const Completions& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t r = 0; r < found.size(); ++r) {
    ASSERT_EQ(found[r].size(), expected[r].size());
    for (std::size_t s = 0; s < found[r].size(); ++s) {
      EXPECT_EQ(found[r][s].token_ids, expected[r][s].token_ids) << "request " << r << "." << s;
      EXPECT_EQ(found[r][s].finish_reason, expected[r][s].finish_reason);
    }
  }
}

inline void expect_same(const Completions& found, const Completions& expected) {
  ASSERT_NO_FATAL_FAILURE(expect_same_ids(found, expected));
  for (std::size_t r = 0; r < found.size(); ++r) {
    for (std::size_t s = 0; s < found[r].size(); ++s) {
      ASSERT_EQ(found[r][s].logprobs.size(), expected[r][s].logprobs.size());
      ASSERT_EQ(found[r][s].kept_mass.size(), expected[r][s].kept_mass.size());
      for (std::size_t i = 0; i < found[r][s].logprobs.size(); ++i) {
        EXPECT_NEAR(found[r][s].logprobs[i], expected[r][s].logprobs[i], kRounding);
        EXPECT_NEAR(found[r][s].kept_mass[i], expected[r][s].kept_mass[i], kRounding);
      }
    }
  }
}

}  // namespace r1::generation
