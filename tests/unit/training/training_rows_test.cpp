// Rollouts as rows of the loss: who is in it, and what advantages their tokens get.
#include "training/training_rows.h"

#include <gtest/gtest.h>

#include <cmath>

#include "config/config.h"
#include "parallel/local_communicator.h"
#include "training/policy_batch.h"

namespace r1::training {
namespace {

data::Rollout rollout(std::int64_t group, double reward, std::size_t length,
                      data::FinishReason end = data::FinishReason::Stop) {
  data::Rollout out;
  out.group = group;
  out.reward.total = reward;
  out.prompt.token_ids = {1, 2};
  out.completion.token_ids.assign(length, 3);
  out.completion.logprobs.assign(length, -1.0);
  out.completion.finish_reason = end;
  return out;
}

TEST(TrainingRows, OverlongAnswersArePunishedOrMasked) {
  config::RlOptions rl;
  rl.overlong_penalty = 0.25;
  for (const std::string overlong : {"keep", "penalty", "mask"}) {
    rl.overlong = overlong;
    std::vector rollouts{rollout(0, 1.0, 2), rollout(0, 1.0, 4, data::FinishReason::Length)};
    punish_overlong(rollouts, rl);
    const auto rows = make_training_rows(rollouts, rl);
    EXPECT_EQ(rollouts[0].reward.total, 1.0);
    EXPECT_EQ(rollouts[1].reward.total, overlong == "penalty" ? 0.75 : 1.0);
    EXPECT_TRUE(rows[0].in_loss);
    EXPECT_EQ(rows[1].in_loss, overlong != "mask");
  }
}

TEST(TrainingRows, AnUnreadableGoldAnswerIsNotTrainedOn) {
  std::vector rollouts{rollout(0, 0.0, 2)};
  rollouts[0].reward.drop = true;
  EXPECT_FALSE(make_training_rows(rollouts, {})[0].in_loss);
}

TEST(TrainingRows, AGroupIsComparedWithItself) {
  std::vector rollouts{rollout(0, 1.0, 2), rollout(0, 0.0, 3), rollout(1, 5.0, 1),
                       rollout(1, 5.0, 1)};
  auto rows = make_training_rows(rollouts, {});
  parallel::LocalCommunicator alone;
  algorithms::AdvantageOptions options;
  options.kind = "grpo";
  const auto counts = set_group_advantages(rows, rollouts, options, alone);
  EXPECT_EQ(counts.number, 2.0);
  EXPECT_EQ(counts.num_zero, 1.0);
  ASSERT_EQ(rows[1].advantages.size(), 3u);
  EXPECT_GT(rows[0].advantages[0], 0.0);
  EXPECT_DOUBLE_EQ(rows[1].advantages[2], -rows[0].advantages[0]);
  EXPECT_EQ(rows[2].advantages, std::vector{0.0});
}

/// Three sampled tokens around an answer of two.
data::Rollout answered_rollout(double reward) {
  auto out = rollout(0, reward, 5);
  out.completion.logprobs.assign(3, -1.0);
  out.completion.answers = {{1, 3, "call", "text", "ok"}};
  return out;
}

TEST(TrainingRows, AnswersOfToolsAreReadAndNotLearnt) {
  std::vector rollouts{answered_rollout(1.0), rollout(0, 0.0, 4)};
  auto rows = make_training_rows(rollouts, {});
  parallel::LocalCommunicator alone;
  algorithms::AdvantageOptions options;
  options.kind = "grpo";
  set_group_advantages(rows, rollouts, options, alone);
  EXPECT_EQ(rows[0].tokens.completion_ids.size(), 5u);
  EXPECT_EQ(rows[0].tokens.learnt, (std::vector<std::uint8_t>{1, 0, 0, 1, 1}));
  EXPECT_EQ(rows[0].advantages.size(), 3u);
  EXPECT_EQ(rows[1].advantages.size(), 4u);
  const auto batch = make_mini_batch({&rows[0], &rows[1]}, alone);
  EXPECT_EQ(batch.denominators.tokens, 7.0);
}

TEST(TrainingRows, AnswersOfToolsAreNoStepsOfPpo) {
  config::Config config;
  config.advantage.lambda = 1.0;
  config.advantage.whiten = false;
  config.kl.coefficient = 0.5;
  std::vector rollouts{answered_rollout(2.0), rollout(0, 1.0, 1)};
  rollouts[0].reference_logprobs = {-1.5, -1.0, -1.0};
  rollouts[1].reference_logprobs = {-1.0};
  auto rows = make_training_rows(rollouts, config.rl);
  rows[0].old_logprobs = {-1.0, -1.0, -1.0};
  rows[0].old_values = {0.25, 0.5, 0.5};
  rows[1].old_logprobs = {-1.0};
  rows[1].old_values = {0.0};
  parallel::LocalCommunicator alone;
  algorithms::KlController controller(config.kl);
  set_token_advantages(rows, rollouts, config.advantage, config.kl, controller, alone);
  EXPECT_EQ(rows[0].returns, (std::vector{1.75, 2.0, 2.0}));
  EXPECT_EQ(rows[0].advantages, (std::vector{1.5, 1.5, 1.5}));
  EXPECT_EQ(rows[1].advantages, std::vector{1.0});
}

// gamma = lambda = 1: an advantage is what is still to come, less the value.
TEST(TrainingRows, ValuesAndKlMakeTheAdvantagesOfPpo) {
  config::Config config;
  config.advantage.lambda = 1.0;
  config.advantage.whiten = false;
  config.kl.coefficient = 0.5;
  std::vector rollouts{rollout(0, 2.0, 2), rollout(0, 1.0, 1)};
  rollouts[0].reference_logprobs = {-1.5, -1.0};
  rollouts[1].reference_logprobs = {-1.0};
  auto rows = make_training_rows(rollouts, config.rl);
  rows[0].old_logprobs = {-1.0, -1.0};
  rows[0].old_values = {0.25, 0.5};
  rows[1].old_logprobs = {-1.0};
  rows[1].old_values = {0.0};
  parallel::LocalCommunicator alone;
  algorithms::KlController controller(config.kl);
  set_token_advantages(rows, rollouts, config.advantage, config.kl, controller, alone);
  EXPECT_EQ(rows[0].returns, (std::vector{1.75, 2.0}));  // the first token costs 0.5 x 0.5
  EXPECT_EQ(rows[0].advantages, (std::vector{1.5, 1.5}));
  EXPECT_EQ(rows[1].advantages, std::vector{1.0});

  for (auto& row : rows) row.reference_logprobs.clear();
  set_token_advantages(rows, rollouts, config.advantage, config.kl, controller, alone);
  EXPECT_EQ(rows[0].returns, (std::vector{2.0, 2.0}));
}

TEST(TrainingRows, ReinforcePlusPlusHasOneBaselineForAllTokens) {
  config::Config config;
  config.advantage.kind = "reinforce_plus_plus";
  config.kl.coefficient = 0.5;
  std::vector rollouts{rollout(0, 2.0, 2), rollout(0, 1.0, 1), rollout(1, 1.0, 1),
                       rollout(2, 3.0, 1), rollout(2, 3.0, 1)};
  for (auto& row : rollouts) row.reference_logprobs = row.completion.logprobs;
  rollouts[0].reference_logprobs = {-1.5, -1.0};
  auto rows = make_training_rows(rollouts, config.rl);
  for (auto& row : rows) row.old_logprobs = row.sampled_logprobs;
  parallel::LocalCommunicator alone;
  algorithms::KlController controller(config.kl);
  const auto groups =
      set_token_advantages(rows, rollouts, config.advantage, config.kl, controller, alone);
  EXPECT_EQ(groups.number, 2.0) << "a group of one sample has nothing to compare";
  EXPECT_EQ(groups.num_zero, 1.0);
  // Returns 1.75, 2, 1, 1, 3, 3: mean 1.9583, the first costs 0.5 x 0.5.
  const std::vector<double> returns{1.75, 2.0, 1.0, 1.0, 3.0, 3.0};
  double mean = 0.0, squares = 0.0;
  for (const double value : returns) mean += value / 6.0;
  for (const double value : returns) squares += (value - mean) * (value - mean);
  const double deviation = std::sqrt(squares / 5.0 + 1e-8);
  EXPECT_NEAR(rows[0].advantages[0], (1.75 - mean) / deviation, 1e-12);
  EXPECT_NEAR(rows[0].advantages[1], (2.0 - mean) / deviation, 1e-12);
  EXPECT_NEAR(rows[2].advantages[0], (1.0 - mean) / deviation, 1e-12);
  EXPECT_TRUE(rows[0].returns.empty());
}

}  // namespace
}  // namespace r1::training
