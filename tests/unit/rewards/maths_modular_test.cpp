#include "rewards/maths/modular.h"

#include <gtest/gtest.h>

#include <string>

#include "rewards/maths/parse.h"

namespace r1::rewards::maths {
namespace {

Residue residue(const std::string& text, const ModularPoint& point) {
  const Limits limits;
  Budget budget(limits);
  return evaluate_modulo(*parse(text, limits).node, point, budget);
}

}  // namespace

TEST(MathsModular, NumbersOfAnySizeCostTheSame) {
  const ModularPoint point = modular_point(1, 0, 0);
  EXPECT_EQ(residue("\\frac{2005}{2005!}", point).value, residue("\\frac{1}{2004!}", point).value);
  EXPECT_NE(residue("1/2004!", point).value, residue("1/2006!", point).value);
  EXPECT_EQ(residue("9^{9^9}", point).value, residue("3^{2 \\cdot 9^9}", point).value);
}

TEST(MathsModular, TheImaginaryUnitSquaredIsMinusOne) {
  const ModularPoint point = modular_point(7, 0, 0);
  EXPECT_EQ(point.prime % 4, 1U);
  EXPECT_EQ(residue("i^2", point).value, point.prime - 1);
}

TEST(MathsModular, TellsWhatIsNoRationalFunction) {
  const ModularPoint point = modular_point(3, 0, 0);
  EXPECT_EQ(residue("\\sqrt{2}", point).state, Residue::State::Irrational);
  EXPECT_EQ(residue("x^y", point).state, Residue::State::Irrational);
  EXPECT_EQ(residue("1/(x-x)", point).state, Residue::State::Undefined);
  EXPECT_EQ(residue("\\sqrt{4}", point).value, 2U);
}

TEST(MathsModular, AnExponentOutOfRangeIsALimit) {
  EXPECT_EQ(residue("2^{2^{2^{49}}}", modular_point(3, 0, 0)).state, Residue::State::Limit);
}

}  // namespace r1::rewards::maths
