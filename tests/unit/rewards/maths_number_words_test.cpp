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

TEST(SpelledNumber, ReadsSignsFractionsAndDozens) {
  EXPECT_EQ(spelled_number("minus 7"), "-7");
  EXPECT_EQ(spelled_number("Negative twelve"), "-12");
  EXPECT_EQ(spelled_number("two thirds"), "\\frac{2}{3}");
  EXPECT_EQ(spelled_number("a quarter"), "\\frac{1}{4}");
  EXPECT_EQ(spelled_number("one-half"), "\\frac{1}{2}");
  EXPECT_EQ(spelled_number("2 and a half"), "\\frac{5}{2}");
  EXPECT_EQ(spelled_number("minus three and three quarters"), "-\\frac{15}{4}");
  EXPECT_EQ(spelled_number("half a dozen"), "6");
  EXPECT_EQ(spelled_number("three dozen"), "36");
  for (const char* other :
       {"", "seven", "twenty-third", "third", "two third", "one thirds", "minus", "minus x",
        "dozen", "two and thirds", "negative", "half the people", "a"})
    EXPECT_EQ(spelled_number(other), other);
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
