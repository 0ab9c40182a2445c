#include "roles/reward.h"

#include <algorithm>

#include "base/log.h"
#include "checkpoint/agree.h"
#include "rewards/judged.h"

namespace r1::mpi {

RewardRole::RewardRole(const Run& run, const rewards::RewardOptions& options)
    : run_(run),
      options_(options),
      reward_(options),
      service_(run.groups(), run.exchange(), "reward", kRewardRequest, kRewardReply) {
  run.together(
      [&] {
        if (run.has_role("reward")) reward_.start();
      },
      "reward workers");
  tell_protections();
  const auto& config = run.config();
  const bool judged = options.has_part(rewards::kRewardModelPart);
  const bool classified = options.has_part(rewards::kSafetyPart);
  if (!judged && !classified) return;
  run.together(
      [&] {
        if (!run.has_role("reward")) return;
        const auto batch = config.rl.reward_batch;
        if (judged)
          reward_model_ =
              rewards::ModelJudge::load(config.reward_model, run.device(), batch, run.started());
        if (classified)
          classifier_ =
              rewards::ModelJudge::load(config.classifier, run.device(), batch, run.started());
        // A first text: a model that cannot judge ends all ranks here, not one in a step.
        const std::vector<rewards::JudgedText> text{{"a question", "an answer"}};
        if (judged) reward_model_->preference(text);
        if (classified) classifier_->safety(text);
      },
      "loading the models of the reward");
}

/// Lines of other ranks than the first are not printed: it says for them how programs are held.
void RewardRole::tell_protections() {
  const int first = run_.groups().layout().role("reward").ranks.front();
  if (options_.workers == 0 || first == 0) return;
  const auto text = checkpoint::broadcast_bytes(run_.world(), reward_.description(), first,
                                                "protections of reward workers");
  if (!text.empty()) base::log_info("rewards: {}", text);
}

void RewardRole::add_model_scores(std::vector<rewards::RewardInput>& inputs) const {
  const auto texts = [&](const std::string& sees) {
    std::vector<rewards::JudgedText> list;
    for (const auto& input : inputs)
      list.push_back({input.problem, rewards::seen_text(input.completion, sees, options_.tags)});
    return list;
  };
  const auto store = [&](const char* part, const std::vector<double>& scores) {
    for (std::size_t i = 0; i < inputs.size(); ++i) inputs[i].model_scores[part] = scores[i];
  };
  if (reward_model_)
    store(rewards::kRewardModelPart, reward_model_->preference(texts(options_.reward_model.sees)));
  if (classifier_) store(rewards::kSafetyPart, classifier_->safety(texts(options_.safety.sees)));
}

/// toxic-bert, for one, knows English alone: it calls nearly any other text safe.
void RewardRole::warn_about_scripts(std::span<const data::Reward> rewards) {
  if (warned_ || !classifier_) return;
  const auto foreign = std::count_if(rewards.begin(), rewards.end(), [](const auto& reward) {
    return reward.parts.at("safety.non_latin") > 0.0;
  });
  if (foreign == 0) return;
  base::log_warning(
      "{}: {} of {} texts are mostly of another script than Latin, which an English classifier "
      "cannot judge; safety.non_latin in the metrics is their share",
      run_.stage(), foreign, rewards.size());
  warned_ = true;
}

std::vector<data::Reward> RewardRole::score_here(std::span<const data::Rollout> rollouts,
                                                 const config::StepSettings& settings) {
  std::vector<rewards::RewardInput> inputs;
  for (const auto& rollout : rollouts)
    inputs.push_back({rollout.prompt.problem,
                      rollout.prompt.answer,
                      data::whole_answer(rollout),
                      rollout.prompt.domain,
                      rollout.prompt.record,
                      rollout.completion.finish_reason == data::FinishReason::Length,
                      static_cast<std::int64_t>(rollout.completion.token_ids.size()),
                      settings.max_new_tokens,
                      {},
                      settings.preference_rewards});
  if (settings.preference_rewards) add_model_scores(inputs);
  auto rewards = reward_.score(inputs);
  if (settings.preference_rewards) warn_about_scripts(rewards);
  return rewards;
}

void RewardRole::add_metrics(metrics::StepMetrics& metrics,
                             const config::StepSettings& settings) const {
  if (options_.has_part(rewards::kRewardModelPart) || options_.has_part(rewards::kSafetyPart))
    metrics.set("preference_rewards", settings.preference_rewards ? 1.0 : 0.0);
}

void RewardRole::score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk,
                       const config::StepSettings& settings) {
  service_.score(prompts, chunk, [&](std::span<const data::Rollout> rollouts) {
    const auto span = run_.timeline().span("rewards", -1);
    return score_here(rollouts, settings);
  });
}

void RewardRole::collect(std::vector<RolloutChunk>& chunks) {
  service_.collect(chunks, [](data::Rollout& rollout, data::Reward reward) {
    rollout.reward = std::move(reward);
  });
}

}  // namespace r1::mpi
