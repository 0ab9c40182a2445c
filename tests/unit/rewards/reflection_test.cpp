// Reflection words are found as words.
#include "rewards/reflection.h"

#include <gtest/gtest.h>

namespace r1::rewards {
namespace {

TEST(Reflection, WordsAreFoundInAnyCase) {
  EXPECT_TRUE(has_reflection("12 + 7 = 18. Wait, that is wrong."));
  EXPECT_TRUE(has_reflection("let me VERIFY: 19"));
  EXPECT_TRUE(has_reflection("잠깐, 다시 계산하면 19"));
}

TEST(Reflection, PartsOfOtherWordsAreNot) {
  EXPECT_FALSE(has_reflection("the waiter writes a checklist"));
  EXPECT_FALSE(has_reflection("12 + 7 = 19"));
  EXPECT_FALSE(has_reflection(""));
}

}  // namespace
}  // namespace r1::rewards
