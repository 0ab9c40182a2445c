#include "rewards/maths/numbers.h"

#include <gtest/gtest.h>

#include <string>

#include "rewards/maths/closed_form.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/separation.h"

namespace r1::rewards::maths {
namespace {

Node tree(const std::string& text) {
  return *parse(text).node;
}

Answer numbers(const std::string& a, const std::string& b, long steps = Limits{}.steps) {
  Limits limits;
  limits.steps = steps;
  Budget budget(limits);
  return compare_numbers(tree(a), tree(b), budget);
}

}  // namespace

TEST(MathsNumbers, RootsAreProvedEqualByASeparationBound) {
  const Limits limits;
  Budget budget(limits);
  const auto bits = separation_bits(tree("\\sqrt{12}"), tree("2\\sqrt{3}"), budget);
  ASSERT_TRUE(bits.has_value());
  constexpr long kSmall = 128;
  EXPECT_LT(*bits, kSmall);
  EXPECT_EQ(numbers("\\sqrt{12}", "2\\sqrt{3}"), Answer::Equal);
}

TEST(MathsNumbers, TheBoundHoldsForTwoRootsThatNearlyMeet) {
  const std::string near = "\\sqrt{1000001}+\\sqrt{1000025}+\\sqrt{1000031}";
  const std::string other = "\\sqrt{1000002}+\\sqrt{1000023}+\\sqrt{1000032}";
  EXPECT_EQ(numbers(near, other), Answer::Different);
  EXPECT_EQ(numbers("\\sqrt{2}", "\\sqrt{2}+10^{-400}"), Answer::Different);
}

TEST(MathsNumbers, PiHasNoSeparationBound) {
  const Limits limits;
  Budget budget(limits);
  EXPECT_FALSE(separation_bits(tree("\\pi"), tree("3"), budget).has_value());
}

TEST(MathsNumbers, CalciumDecidesLogarithmsAndAngles) {
  const Limits limits;
  Budget budget(limits);
  EXPECT_EQ(compare_closed_forms(tree("\\ln 8"), tree("3 \\ln 2"), budget), Answer::Equal);
  EXPECT_EQ(compare_closed_forms(tree("\\sin\\frac{\\pi}{6}"), tree("1/2"), budget), Answer::Equal);
  EXPECT_EQ(compare_closed_forms(tree("\\ln 8"), tree("2 \\ln 3"), budget), Answer::Different);
}

TEST(MathsNumbers, NearlyEqualConstantsAreProvedDifferent) {
  EXPECT_EQ(numbers("e^{\\pi\\sqrt{163}}", "262537412640768744"), Answer::Different);
  EXPECT_EQ(numbers("\\frac{355}{113}", "\\pi"), Answer::Different);
}

TEST(MathsNumbers, WithoutBudgetNothingIsDecided) {
  EXPECT_EQ(numbers("\\ln 8", "3 \\ln 2", 10), Answer::Unknown);
}

TEST(MathsNumbers, ADecimalStandsForWhatItRounds) {
  EXPECT_EQ(numbers("\\sqrt{2}", "1.4142136"), Answer::Equal);
  EXPECT_EQ(numbers("\\sqrt{2}", "1.41421"), Answer::Different);
  EXPECT_EQ(numbers("5", "4.9999999"), Answer::Different);
  EXPECT_EQ(numbers("0.0000001", "0.0000002"), Answer::Different);
}

}  // namespace r1::rewards::maths
