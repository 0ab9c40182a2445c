// Parts that a model scores: what the model reads and how its score becomes a part.
#include "rewards/judged.h"

#include <gtest/gtest.h>

#include <cmath>

#include "base/errors.h"
#include "rewards/combine.h"

namespace r1::rewards {
namespace {

TEST(Judged, TheAnswerIsWhatFollowsTheThinking) {
  const TagOptions tags;
  EXPECT_EQ(seen_text("<think>a</think> <answer>b</answer>", "answer", tags), "b");
  EXPECT_EQ(seen_text("<think>a</think>so b", "answer", tags), "so b");
  EXPECT_EQ(seen_text("<think>a, so b", "answer", tags), "");
  EXPECT_EQ(seen_text("<think>a</think>so b", "all", tags), "<think>a</think>so b");
}

TEST(Judged, ScriptsOfLettersAreCounted) {
  EXPECT_FALSE(is_mostly_non_latin("a straße, 12 + 3"));
  EXPECT_FALSE(is_mostly_non_latin(""));
  EXPECT_TRUE(is_mostly_non_latin("안녕하세요 hi"));
  EXPECT_TRUE(is_mostly_non_latin("Привет"));
}

RewardOptions both_parts() {
  RewardOptions options;
  options.parts = {{kRewardModelPart, 0.5, ""}, {kSafetyPart, 2.0, ""}};
  options.reward_model.offset = 1.0;
  options.reward_model.scale = 2.0;
  return options;
}

TEST(Judged, ScoresAreCombinedByWeight) {
  RewardInput input;
  input.completion = "이것은";
  input.model_scores = {{kRewardModelPart, 3.0}, {kSafetyPart, 0.25}};
  const auto reward = CombinedReward(both_parts()).score_one(input);
  const double preference = 1.0 / (1.0 + std::exp(-1.0));
  EXPECT_DOUBLE_EQ(reward.parts.at("reward_model"), preference);
  EXPECT_DOUBLE_EQ(reward.parts.at("safety"), 0.25);
  EXPECT_DOUBLE_EQ(reward.parts.at("safety.non_latin"), 1.0);
  EXPECT_DOUBLE_EQ(reward.total, 0.5 * preference + 2.0 * 0.25);
}

TEST(Judged, NamedModelsScorePartsOfTheirOwn) {
  RewardOptions options = both_parts();
  ScoringModelOptions helpful, harmless;
  helpful.name = "helpful";
  helpful.offset = -1.0;
  harmless.name = "harmless";
  harmless.kind = "safety";
  helpful.path = harmless.path = "somewhere";
  options.models = {helpful, harmless};
  options.parts.push_back({"helpful", 1.0, ""});
  options.parts.push_back({"harmless", 0.5, ""});
  RewardInput input;
  input.completion = "so";
  input.model_scores = {
      {kRewardModelPart, 3.0}, {kSafetyPart, 0.25}, {"helpful", 1.0}, {"harmless", 0.5}};
  const auto reward = CombinedReward(options).score_one(input);
  const double preference = 1.0 / (1.0 + std::exp(-2.0));
  EXPECT_DOUBLE_EQ(reward.parts.at("helpful"), preference);
  EXPECT_DOUBLE_EQ(reward.parts.at("harmless"), 0.5);
  EXPECT_DOUBLE_EQ(reward.parts.at("harmless.non_latin"), 0.0);
  EXPECT_DOUBLE_EQ(reward.total,
                   0.5 * reward.parts.at("reward_model") + 2.0 * 0.25 + preference + 0.5 * 0.5);
  options.models[1].name = "safety";
  EXPECT_THROW(CombinedReward{options}, base::ConfigError);
}

TEST(Judged, PartsOfModelsCountOnlyWhereTheyAreSwitchedOn) {
  auto options = both_parts();
  options.parts.push_back({"format", 0.25, ""});
  RewardInput input;
  input.completion = "<think>a</think> <answer>b</answer>";
  input.counted_parts = {"format"};
  const auto reward = CombinedReward(options).score_one(input);
  EXPECT_DOUBLE_EQ(reward.total, 0.25);
  EXPECT_EQ(reward.parts.count("reward_model") + reward.parts.count("safety"), 0u);
}

TEST(Judged, APartWithoutItsModelIsABug) {
  EXPECT_THROW(CombinedReward(both_parts()).score_one(RewardInput()), base::InternalError);
}

}  // namespace
}  // namespace r1::rewards
