// Expressions with free symbols (rewards/maths/numbers.h).
#include <gtest/gtest.h>

#include <string>

#include "rewards/maths/numbers.h"
#include "rewards/maths/parse.h"
#include "rewards/maths/shapes.h"

namespace r1::rewards::maths {
namespace {

Answer functions(const std::string& a, const std::string& b) {
  const Limits limits;
  Budget budget(limits);
  return compare_functions(*parse(a).node, *parse(b).node, budget);
}

Answer relations(const std::string& a, const std::string& b, bool positive) {
  const Limits limits;
  Budget budget(limits);
  return compare_up_to_factor(side_difference(*parse(a).node), side_difference(*parse(b).node),
                              positive, budget);
}

}  // namespace

TEST(MathsFunctions, IdentitiesHold) {
  EXPECT_EQ(functions("(x-1)^{100}", "(1-x)^{100}"), Answer::Equal);
  EXPECT_EQ(functions("\\sin 2x", "2 \\sin x \\cos x"), Answer::Equal);
  EXPECT_EQ(functions("2^{n+1}", "2 \\cdot 2^n"), Answer::Equal);
}

TEST(MathsFunctions, ATinyTermCounts) {
  EXPECT_EQ(functions("x", "x+10^{-300}"), Answer::Different);
  EXPECT_NE(functions("\\sin x", "\\sin x+10^{-30} x"), Answer::Equal);
}

TEST(MathsFunctions, NegativeArgumentsAreTried) {
  EXPECT_EQ(functions("\\sqrt{x^2}", "x"), Answer::Different);
  EXPECT_EQ(functions("|x|", "x"), Answer::Different);
}

TEST(MathsFunctions, SumsOverAnIndexAreComparedAsWritten) {
  EXPECT_EQ(functions("\\sum_{k=1}^n a_k b_k", "\\sum_{k=1}^n b_k a_k"), Answer::Equal);
  EXPECT_EQ(functions("\\sum_{k=1}^n k", "\\sum_{k=0}^n k"), Answer::Different);
}

TEST(MathsFunctions, EquationsUpToAFactorInequalitiesUpToAPositiveOne) {
  EXPECT_EQ(relations("2x+4y-3=0", "y=-\\frac12x+\\frac34", false), Answer::Equal);
  EXPECT_EQ(relations("2x+4y<6", "x+2y<3", true), Answer::Equal);
  EXPECT_EQ(relations("x+y<3", "-x-y<-3", true), Answer::Different);
  EXPECT_EQ(relations("x^2+y^2=25", "x^2-y^2=25", false), Answer::Different);
}

}  // namespace r1::rewards::maths
