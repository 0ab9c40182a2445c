#include "roles/reward.h"

#include <algorithm>

#include "base/log.h"
#include "checkpoint/agree.h"
#include "config/judges.h"
#include "data/json_text.h"
#include "rewards/applicable_parts.h"
#include "rewards/judged.h"

namespace r1::mpi {
namespace {

/// RewardInput::turns.
std::string json_of_turns(const data::Completion& completion) {
  nlohmann::json turns = nlohmann::json::array();
  for (const auto& answer : completion.answers)
    turns.push_back({{"call", answer.call}, {"answer", answer.text}, {"status", answer.status}});
  return data::dump_json(turns);
}

}  // namespace

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
  const auto judges = config::judges(run.config(), options);
  if (judges.empty()) return;
  run.together(
      [&] {
        if (!run.has_role("reward")) return;
        for (const auto& judge : judges) {
          judges_.push_back({judge.scoring, rewards::ModelJudge::load(judge.model, run.device(),
                                                                      run.config().rl.reward_batch,
                                                                      run.started())});
          // A first text: a model that cannot judge ends all ranks here, not one in a step.
          const std::vector<rewards::JudgedText> text{{"a question", "an answer"}};
          judges_.back().score(text);
        }
      },
      "loading the models of the reward");
}

std::vector<double> RewardRole::Judge::score(std::span<const rewards::JudgedText> texts) const {
  return scoring.is_preference() ? model->preference(texts) : model->safety(texts);
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
  for (const auto& judge : judges_) {
    const auto& part = judge.scoring.name;
    std::vector<rewards::RewardInput*> judged;
    std::vector<rewards::JudgedText> texts;
    for (auto& input : inputs) {
      if (!rewards::is_applicable(options_, input, part)) continue;
      judged.push_back(&input);
      texts.push_back(
          {input.problem, rewards::seen_text(input.completion, judge.scoring.sees, options_.tags)});
    }
    if (texts.empty()) continue;
    const auto scores = judge.score(texts);
    for (std::size_t i = 0; i < judged.size(); ++i) judged[i]->model_scores[part] = scores[i];
  }
}

/// toxic-bert, for one, knows English alone: it calls nearly any other text safe.
void RewardRole::warn_about_scripts(std::span<const data::Reward> rewards) {
  if (warned_) return;
  for (const auto& judge : judges_) {
    if (judge.scoring.is_preference()) continue;
    const auto part = judge.scoring.name + ".non_latin";
    const auto foreign = std::count_if(rewards.begin(), rewards.end(), [&](const auto& reward) {
      const auto found = reward.parts.find(part);
      return found != reward.parts.end() && found->second > 0.0;
    });
    if (foreign == 0) continue;
    base::log_warning(
        "{}: {} of {} texts are mostly of another script than Latin, which an English classifier "
        "cannot judge; {} in the metrics is their share",
        run_.stage(), foreign, rewards.size(), part);
    warned_ = true;
  }
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
                      data::num_sampled(rollout.completion),
                      settings.max_new_tokens,
                      {},
                      settings.parts,
                      json_of_turns(rollout.completion)});
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
  for (const auto& model : options_.scoring_models()) {
    any = true;
    counted |= settings.parts.empty() || std::find(settings.parts.begin(), settings.parts.end(),
                                                   model.name) != settings.parts.end();
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
