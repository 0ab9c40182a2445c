#include "rewards/maths/extract.h"

#include <gtest/gtest.h>

#include <string>

namespace r1::rewards::maths {
namespace {

std::string rule_and_text(const std::string& completion) {
  const Candidate candidate = extract_answer(completion);
  return candidate.rule + ": " + candidate.text;
}

}  // namespace

TEST(MathsExtract, RulesApplyInTheirOrder) {
  const std::string everything =
      "<think>\\boxed{1}</think> $2$ The answer is 3. \\boxed{4} <answer>5</answer> 6";
  EXPECT_EQ(rule_and_text(everything), "answer_tag: 5");
  EXPECT_EQ(rule_and_text("$2$ The answer is 3. \\boxed{4} 6"), "boxed: 4");
  EXPECT_EQ(rule_and_text("$2$ The answer is 3. and 6"), "phrase: 3");
  EXPECT_EQ(rule_and_text("We get $2$ for all 6"), "maths: 2");
  EXPECT_EQ(rule_and_text("all in all there are 6 of them"), "number: 6");
  EXPECT_EQ(rule_and_text("<think>\\boxed{1}"), ": ");
}

TEST(MathsExtract, SignsInWordsAndMarkedGroupsBelongToTheNumber) {
  EXPECT_EQ(rule_and_text("in all that makes negative 3"), "number: negative 3");
  EXPECT_EQ(rule_and_text("in all that makes minus 3"), "number: minus 3");
  EXPECT_EQ(rule_and_text("in all 1'000'000 of them"), "number: 1'000'000");
}

TEST(MathsExtract, PhrasesOfSeveralLanguages) {
  for (const std::string text : {"final answer is 7", "#### 7", "Answer: 7", "답: 7", "정답: 7",
                                 "결론: 7", "答案是 7", "La réponse est 7"})
    EXPECT_EQ(rule_and_text(text), "phrase: 7") << text;
}

TEST(MathsExtract, TheLastGroupOfBoxesCounts) {
  EXPECT_EQ(rule_and_text("\\boxed{10} and then \\boxed{42}"), "boxed: 42");
  EXPECT_EQ(rule_and_text("\\boxed{2} and \\boxed{3}"), "boxed: 2 , 3");
  EXPECT_EQ(rule_and_text("\\boxed{\\frac{1}{2}}"), "boxed: \\frac{1}{2}");
}

TEST(MathsExtract, NumbersTakenBackAreNoAnswer) {
  for (const std::string text :
       {"it cannot be 5", "5 is wrong", "at least 5", "somewhere between 5 and", "5 or something"})
    EXPECT_NE(extract_answer(text).rule, "number") << text;
  EXPECT_EQ(rule_and_text("a total of -3 degrees below"), "number: -3\\text{ degrees}");
}

TEST(MathsExtract, LettersThatAreAlternativesOrDeniedAreNoChoice) {
  EXPECT_EQ(extract_letter("I think the correct answer is C").text, "C");
  EXPECT_EQ(extract_letter("It's not A, therefore it's B").text, "B");
  EXPECT_FALSE(extract_letter("The answer is B or C").found());
  EXPECT_FALSE(extract_letter("either A or B").found());
}

}  // namespace r1::rewards::maths
