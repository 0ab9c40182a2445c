// Range checks say which key, what was expected and what was found.
#include "base/ranges.h"

#include <gtest/gtest.h>

#include <cmath>

namespace r1::base {
namespace {

TEST(Ranges, NothingIsSaidOfGoodValues) {
  Problems problems;
  require_above(problems, "a", std::int64_t{1}, 0);
  require_at_least(problems, "b", 0.0, 0);
  EXPECT_TRUE(problems.empty());
}

TEST(Ranges, AProblemNamesWhatWasExpectedAndFound) {
  Problems problems;
  require_above(problems, "rl.steps", std::int64_t{0}, 0);
  require_at_least(problems, "rl.max_kl", -0.5, 0, " (0: no limit)");
  require_above(problems, "rl.rate", std::nan(""), 0);
  ASSERT_EQ(problems.list().size(), 3u);
  EXPECT_EQ(problems.list()[0].key, "rl.steps");
  EXPECT_EQ(problems.list()[0].message, "expected > 0, found 0");
  EXPECT_EQ(problems.list()[1].message, "expected >= 0 (0: no limit), found -0.5");
  EXPECT_EQ(problems.list()[2].message, "expected > 0, found nan");
}

}  // namespace
}  // namespace r1::base
