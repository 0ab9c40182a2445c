#pragma once
// The reward role: rule rewards on worker processes or CPU threads of the reward ranks, and the
// models that score parts of the reward there (reward model, toxicity classifier).
#include <memory>

#include "metrics/step_metrics.h"
#include "rewards/combine.h"
#include "rewards/model_judge.h"
#include "roles/rollouts.h"
#include "run.h"

namespace r1::mpi {

class RewardRole {
 public:
  /// Starts the worker processes of the reward ranks and loads the models that the parts of
  /// `options` need there. Collective over: world. Throws: ConfigError when workers cannot be
  /// started, InputError for a model.
  RewardRole(const Run& run, const rewards::RewardOptions& options);

  /// preference_rewards, 0 or 1, where models score parts.
  void add_metrics(metrics::StepMetrics& metrics, const config::StepSettings& settings) const;

  /// As ScoreService. `settings`: those that the chunk was sampled with. A model runs on the
  /// samples that its part counts for alone.
  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk,
             const config::StepSettings& settings);
  void collect(std::vector<RolloutChunk>& chunks);

 private:
  std::vector<data::Reward> score_here(std::span<const data::Rollout> rollouts,
                                       const config::StepSettings& settings);
  void add_model_scores(std::vector<rewards::RewardInput>& inputs) const;
  void tell_protections();
  void warn_about_scripts(std::span<const data::Reward> rewards);

  const Run& run_;
  rewards::RewardOptions options_;
  rewards::CombinedReward reward_;
  std::unique_ptr<rewards::ModelJudge> reward_model_, classifier_;  // null: not used here
  bool warned_ = false;
  ScoreService<data::Reward> service_;
};

}  // namespace r1::mpi
