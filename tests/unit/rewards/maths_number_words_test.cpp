// Numbers in English words.
#include "rewards/maths/number_words.h"

#include <gtest/gtest.h>

namespace r1::rewards::maths {

TEST(NumberInWords, ReadsWholeNumbers) {
  EXPECT_EQ(number_in_words("zero"), "0");
  EXPECT_EQ(number_in_words("Seven"), "7");
  EXPECT_EQ(number_in_words("fourteen"), "14");
  EXPECT_EQ(number_in_words("seventy-two"), "72");
  EXPECT_EQ(number_in_words("seventy two"), "72");
  EXPECT_EQ(number_in_words("a hundred"), "100");
  EXPECT_EQ(number_in_words("twelve hundred"), "1200");
  EXPECT_EQ(number_in_words("one hundred and one"), "101");
  EXPECT_EQ(number_in_words("nine hundred ninety-nine thousand nine hundred and ninety-nine"),
            "999999");
  EXPECT_EQ(number_in_words("two million and five"), "2000005");
  EXPECT_EQ(number_in_words("nine hundred ninety-nine trillion"), "999000000000000");
}

TEST(NumberInWords, ReadsNothingElse) {
  for (const char* words : {"",
                            "a",
                            "and",
                            "hundred",
                            "thousand two",
                            "one two",
                            "two twenty",
                            "twenty zero",
                            "twenty-ten",
                            "twenty twenty",
                            "seven and two",
                            "one hundred and",
                            "two hundred hundred",
                            "one thousand million",
                            "one thousand thousand",
                            "seven dollars",
                            "seventy--two",
                            "7",
                            "seven ",
                            "siebzig",
                            "two thirds",
                            "minus two"})
    EXPECT_EQ(number_in_words(words), "") << words;
}

}  // namespace r1::rewards::maths
