#pragma once
// The reward role: rule rewards in worker processes or CPU threads of the reward ranks, and the
// models on these ranks that score parts of the reward (reward models, toxicity classifiers).
#include <memory>

#include "metrics/step_metrics.h"
#include "rewards/combine.h"
#include "rewards/model_judge.h"
#include "roles/rollouts.h"
#include "run.h"

namespace r1::mpi {

class RewardRole {
 public:
  /// Starts the worker processes of the reward ranks, and loads the models that the parts of
  /// `options` need on these ranks. Collective over: world. Throws: ConfigError if workers cannot
  /// be started, InputError for a model.
  RewardRole(const Run& run, const rewards::RewardOptions& options);

  /// The samples that are scored from here on share the time of one step ([rewards.limits]
  /// step_seconds). Call before the first chunk of a step, or of an evaluation.
  void begin_step() { seconds_left_ = options_.limits.step_seconds; }
  /// Adds preference_rewards, 0 or 1, if models score parts.
  void add_metrics(metrics::StepMetrics& metrics, const config::StepSettings& settings) const;

  /// As ScoreService. `settings`: the settings with which the chunk was sampled. A model runs only
  /// on the samples for which its part counts. The samples that are not scored within the time of
  /// the step score 0 with the reason step_limit.
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
  /// A model that scores a part.
  struct Judge {
    rewards::ScoringModelOptions scoring;
    std::unique_ptr<rewards::ModelJudge> model;
    std::vector<double> score(std::span<const rewards::JudgedText> texts) const;
  };
  std::vector<Judge> judges_;  // empty on ranks without the role
  bool warned_ = false;
  double seconds_left_ = options_.limits.step_seconds;  // of the step
  ScoreService<data::Reward> service_;
};

}  // namespace r1::mpi
