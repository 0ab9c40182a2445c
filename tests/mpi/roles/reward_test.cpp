// The reward role scores each rollout as one process would, wherever the rollout was sampled.
#include "mpi/roles/reward.h"

#include <gtest/gtest.h>

#include "mpi/roles/toy_run.h"

namespace r1::mpi {
namespace {

TEST(RewardRole, ScoresEveryRolloutAsOneProcessDoes) {
  test::ToyRun toy("rl", {"kl.coefficient=0.0"});
  const auto& config = toy.config();
  RewardRole reward(toy.run(), config.rewards);
  toy.begin();
  const auto prompts = test::questions(6);

  std::vector<RolloutChunk> chunks;
  reward.begin_step();
  for (std::int64_t c = 0; c < test::kChunks; ++c) {
    chunks.push_back(test::own_chunk(toy.groups(), prompts, c));
    reward.score(prompts, chunks.back(), config.settings_at(0));
  }
  reward.collect(chunks);

  const rewards::CombinedReward alone(config.rewards);
  for (const auto& chunk : chunks)
    for (const auto& rollout : chunk.rollouts) {
      rewards::RewardInput input;
      input.problem = rollout.prompt.problem;
      input.answer = rollout.prompt.answer;
      input.completion = rollout.completion.text;
      input.num_tokens = static_cast<std::int64_t>(rollout.completion.token_ids.size());
      input.max_tokens = config.sampling.max_new_tokens;
      EXPECT_EQ(rollout.reward, alone.score_one(input)) << rollout.sample;
      EXPECT_EQ(rollout.reward.reason == "ok", rollout.sample % 2 == 0) << rollout.sample;
    }
}

}  // namespace
}  // namespace r1::mpi
