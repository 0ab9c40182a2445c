#include "plan/number_text.h"

#include <gtest/gtest.h>

namespace r1::plan {

TEST(NumberText, HasThreeDigitsAndNoExponent) {
  EXPECT_EQ(number_text(0.0), "0");
  EXPECT_EQ(number_text(0.012345), "0.0123");
  EXPECT_EQ(number_text(3.0), "3");
  EXPECT_EQ(number_text(9.996), "10");
  EXPECT_EQ(number_text(41.25), "41.3");
  EXPECT_EQ(number_text(999.6), "1,000");
  EXPECT_EQ(number_text(5361.0), "5,360");
  EXPECT_EQ(number_text(128640.0), "129,000");
  EXPECT_EQ(number_text(1.31e9), "1.31 billion");
  EXPECT_EQ(number_text(-7.62e6), "-7.62 million");
}

TEST(NumberText, DurationsHaveTheUnitThatSuitsThem) {
  EXPECT_EQ(duration_text(42.0), "42 s");
  EXPECT_EQ(duration_text(210.0), "3.5 minutes");
  EXPECT_EQ(duration_text(61200.0), "17 hours");
  EXPECT_EQ(duration_text(5360.0 * 86400.0), "5,360 days");
}

}  // namespace r1::plan
