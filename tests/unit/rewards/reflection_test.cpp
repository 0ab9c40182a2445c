// Words of self-verification and of reflection are found as words, each by its own measure.
#include "rewards/reflection.h"

#include <gtest/gtest.h>

namespace r1::rewards {
namespace {

TEST(Reflection, WordsAreFoundInAnyCase) {
  EXPECT_TRUE(has_reflection("12 + 7 = 18. Wait, that is wrong."));
  EXPECT_TRUE(has_reflection("잠깐, 다시 계산하면 19"));
}

TEST(Reflection, ACheckOfAResultIsNoChangeOfCourse) {
  for (const char* check :
       {"let me VERIFY: 19", "Double-check: 12 + 7 = 19.", "검산: 12 + 7 = 19"}) {
    EXPECT_TRUE(has_self_verification(check)) << check;
    EXPECT_FALSE(has_reflection(check)) << check;
  }
  for (const char* turn : {"Wait, that is wrong.", "However, 7 is odd.", "잠깐, 7은 홀수다."}) {
    EXPECT_FALSE(has_self_verification(turn)) << turn;
    EXPECT_TRUE(has_reflection(turn)) << turn;
  }
}

TEST(Reflection, PartsOfOtherWordsAreNot) {
  EXPECT_FALSE(has_reflection("the waiter writes a checklist"));
  EXPECT_FALSE(has_self_verification("the waiter writes a checklist"));
  EXPECT_FALSE(has_reflection("12 + 7 = 19"));
  EXPECT_FALSE(has_reflection(""));
}

}  // namespace
}  // namespace r1::rewards
