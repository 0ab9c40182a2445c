// Which parts of the reward count for a record.
#include "rewards/applicable_parts.h"

#include <gtest/gtest.h>

#include "rewards/combine.h"
#include "rewards/workers/messages.h"

namespace r1::rewards {
namespace {

constexpr const char* kRight = "<think>3 + 4 = 7</think> <answer>7</answer>";

RewardInput input_of(const std::string& record, const std::string& answer) {
  RewardInput input;
  input.completion = kRight;
  input.record = record;
  input.answer = answer;
  return input;
}

RewardOptions by_type() {
  RewardOptions options;
  options.parts = {{"correctness", 1.0, "", {{"type", {"maths", "physics"}}}},
                   {"choice", 1.0, "", {{"type", {"quiz"}}}},
                   {"format", 0.5, "", {}}};
  return options;
}

TEST(ApplicableParts, ARecordIsMatchedByItsFields) {
  const base::FieldValues when{{"type", {"code", "logic"}}, {"level", {"3"}}};
  EXPECT_TRUE(matches(when, R"({"type": "logic", "level": 3})"));
  EXPECT_FALSE(matches(when, R"({"type": "logic", "level": 4})"));
  EXPECT_FALSE(matches(when, R"({"type": "maths", "level": 3})"));
  EXPECT_FALSE(matches(when, R"({"level": 3})"));
  EXPECT_FALSE(matches(when, "no record"));
  EXPECT_TRUE(matches({}, "no record"));
}

TEST(ApplicableParts, EachRecordIsScoredByItsOwnParts) {
  const CombinedReward reward(by_type());
  const auto maths = reward.score_one(input_of(R"({"type": "maths"})", "7"));
  EXPECT_DOUBLE_EQ(maths.total, 1.5);
  EXPECT_EQ(maths.parts.count("choice"), 0u);
  const auto other = reward.score_one(input_of(R"({"type": "poem"})", "7"));
  EXPECT_DOUBLE_EQ(other.total, 0.5);
  EXPECT_EQ(other.parts.count("correctness"), 0u);
}

TEST(ApplicableParts, ARecordWithoutAnswerIsScoredByTheOthers) {
  const auto scored = CombinedReward(by_type()).score_one(input_of(R"({"type": "maths"})", ""));
  EXPECT_FALSE(scored.drop);
  EXPECT_DOUBLE_EQ(scored.total, 0.5);
}

TEST(ApplicableParts, WhereNothingElseCanJudgeItIsDropped) {
  RewardOptions options;
  options.parts = {{"correctness", 1.0, ""}, {"format", 0.0, ""}};
  const auto scored = CombinedReward(options).score_one(input_of("{}", ""));
  EXPECT_TRUE(scored.drop);
  EXPECT_EQ(scored.reason, "unparsable_gold");
}

TEST(ApplicableParts, AnswersAreMissedOnlyWhereAPartComparesWithThem) {
  EXPECT_TRUE(needs_answer(by_type(), R"({"type": "quiz"})"));
  EXPECT_FALSE(needs_answer(by_type(), R"({"type": "poem"})"));
}

TEST(ApplicableParts, PartsThatDoNotCountAtAStepAreLeftOut) {
  auto input = input_of(R"({"type": "maths"})", "7");
  input.counted_parts = {"correctness"};
  EXPECT_DOUBLE_EQ(CombinedReward(by_type()).score_one(input).total, 1.0);
  EXPECT_FALSE(is_applicable(by_type(), input, "format"));
}

TEST(ApplicableParts, AWorkerIsToldOfThem) {
  auto input = input_of("{}", "7");
  input.counted_parts = {"correctness", "format"};
  const auto back = workers::unpack_input(workers::pack(input));
  EXPECT_EQ(back.counted_parts, input.counted_parts);
  const auto options = by_type();
  const auto again = workers::unpack_options(workers::pack(options));
  EXPECT_EQ(again.parts.front().when, options.parts.front().when);
}

}  // namespace
}  // namespace r1::rewards
