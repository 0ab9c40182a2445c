#include "roles/reward.h"

#include <algorithm>

#include "base/log.h"
#include "checkpoint/agree.h"
#include "rewards/applicable_parts.h"
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
  const auto judge = [&](const std::string& part, const std::string& sees, const auto& score) {
    std::vector<rewards::RewardInput*> judged;
    std::vector<rewards::JudgedText> texts;
    for (auto& input : inputs) {
      if (!rewards::is_applicable(options_, input, part)) continue;
      judged.push_back(&input);
      texts.push_back({input.problem, rewards::seen_text(input.completion, sees, options_.tags)});
    }
    if (texts.empty()) return;
    const std::vector<double> scores = score(texts);
    for (std::size_t i = 0; i < judged.size(); ++i) judged[i]->model_scores[part] = scores[i];
  };
  if (reward_model_)
    judge(rewards::kRewardModelPart, options_.reward_model.sees,
          [&](const auto& texts) { return reward_model_->preference(texts); });
  if (classifier_)
    judge(rewards::kSafetyPart, options_.safety.sees,
          [&](const auto& texts) { return classifier_->safety(texts); });
}

/// toxic-bert, for one, knows English alone: it calls nearly any other text safe.
void RewardRole::warn_about_scripts(std::span<const data::Reward> rewards) {
  if (warned_ || !classifier_) return;
  const auto foreign = std::count_if(rewards.begin(), rewards.end(), [](const auto& reward) {
    const auto found = reward.parts.find("safety.non_latin");
    return found != reward.parts.end() && found->second > 0.0;
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
                      settings.parts});
  if (!run_.is_cut_short()) add_model_scores(inputs);
  const rewards::ScoreBudget budget(seconds_left_, [this] { return run_.is_cut_short(); });
  auto rewards = reward_.score(inputs, budget);
  seconds_left_ -= budget.used();
  warn_about_scripts(rewards);
  return rewards;
}

void RewardRole::add_metrics(metrics::StepMetrics& metrics,
                             const config::StepSettings& settings) const {
  bool any = false, counted = false;
  for (const auto* part : {rewards::kRewardModelPart, rewards::kSafetyPart}) {
    if (!options_.has_part(part)) continue;
    any = true;
    counted |= settings.parts.empty() || std::find(settings.parts.begin(), settings.parts.end(),
                                                   part) != settings.parts.end();
  }
  if (any) metrics.set("preference_rewards", counted ? 1.0 : 0.0);
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
