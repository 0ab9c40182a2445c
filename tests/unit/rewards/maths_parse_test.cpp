#include "rewards/maths/parse.h"

#include <gtest/gtest.h>

#include <string>

#include "rewards/maths/canonical.h"

namespace r1::rewards::maths {
namespace {

std::string repeated(const std::string& text, int times) {
  std::string out;
  for (int k = 0; k < times; ++k) out += text;
  return out;
}

std::string key(const std::string& text) {
  const ParseResult result = parse(text);
  return result.node ? canonical_key(*result.node) : "unreadable";
}

}  // namespace

TEST(MathsParse, MalformedFractionsReadAsTexReadsThem) {
  EXPECT_EQ(key("\\frac12"), key("\\frac{1}{2}"));
  EXPECT_EQ(key("\\frac1{23}"), key("\\frac{1}{23}"));
  EXPECT_NE(key("\\frac{12}3"), key("\\frac1{23}"));
}

TEST(MathsParse, EachLimitIsToldApartFromNonsense) {
  EXPECT_TRUE(parse(std::string(5000, '1')).limit);
  EXPECT_TRUE(parse(std::string(2100, '1')).limit);
  EXPECT_TRUE(parse(repeated("(", 65) + "1" + repeated(")", 65)).limit);
  EXPECT_TRUE(parse("1" + repeated("+1", 600)).limit);
  EXPECT_TRUE(parse(repeated("-", 500) + "1").limit);
  EXPECT_FALSE(parse("\\foo").limit);
  EXPECT_FALSE(parse("\\foo").node.has_value());
  EXPECT_TRUE(parse(repeated("(", 50) + "1" + repeated(")", 50)).node.has_value());
}

TEST(MathsParse, NothingIsEvaluated) {
  EXPECT_TRUE(parse("9^{9^{9^9}}").node.has_value());
  EXPECT_TRUE(parse("1/0").node.has_value());
}

TEST(MathsParse, UnicodeReadsAsItsLatex) {
  EXPECT_EQ(key("５√２"), key("5\\sqrt{2}"));
  EXPECT_EQ(key("x²≤3"), key("x^2\\le 3"));
  EXPECT_EQ(key("10⁻¹²"), key("10^{-12}"));
  EXPECT_EQ(key("1\u200b2"), key("12"));
}

TEST(MathsParse, WordsThatTakeAValueBackAreNoUnit) {
  EXPECT_TRUE(parse("5 \\text{ cm}").node.has_value());
  EXPECT_FALSE(parse("5 \\text{ is wrong}").node.has_value());
  EXPECT_FALSE(parse("5 \\text{ or 6}").node.has_value());
}

}  // namespace r1::rewards::maths
