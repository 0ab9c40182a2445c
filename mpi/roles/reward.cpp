#include "roles/reward.h"

namespace r1::mpi {

RewardRole::RewardRole(Run& run, const rewards::RewardOptions& options)
    : run_(run),
      reward_(options),
      service_(run.groups(), run.exchange(), "reward", kRewardRequest, kRewardReply) {
  run.together(
      [&] {
        if (run.has_role("reward")) reward_.start();
      },
      "reward workers");
}

std::vector<data::Reward> RewardRole::score_here(std::span<const data::Rollout> rollouts) const {
  std::vector<rewards::RewardInput> inputs;
  for (const auto& rollout : rollouts)
    inputs.push_back({rollout.prompt.problem, rollout.prompt.answer, rollout.completion.text,
                      rollout.prompt.domain, rollout.prompt.record,
                      rollout.completion.finish_reason == data::FinishReason::Length,
                      static_cast<std::int64_t>(rollout.completion.token_ids.size()),
                      run_.config().sampling.max_new_tokens});
  return reward_.score(inputs);
}

void RewardRole::score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk) {
  service_.score(prompts, chunk, [this](std::span<const data::Rollout> rollouts) {
    const auto span = run_.timeline().span("rewards", -1);
    return score_here(rollouts);
  });
}

void RewardRole::collect(std::vector<RolloutChunk>& chunks) {
  service_.collect(chunks, [](data::Rollout& rollout, data::Reward reward) {
    rollout.reward = std::move(reward);
  });
}

}  // namespace r1::mpi
