#pragma once
// What a training stage reports and leaves behind: rollout metrics, held-out scores, the trained
// model's folder.
#include <nlohmann/json.hpp>

#include "metrics/step_metrics.h"
#include "prompt_source.h"
#include "roles/reward.h"
#include "run_loop.h"

namespace r1::training {
class Trainer;
}

namespace r1::mpi {

class Learner;
class Policy;

/// All rollouts of this rank, by sample number.
std::vector<data::Rollout> join(std::vector<RolloutChunk> chunks);

/// Means of reward parts, accuracy, throughput and times over all policy ranks. Collective over:
/// policy.
void add_rollout_metrics(metrics::StepMetrics& metrics, const Run& run,
                         std::span<const data::Rollout> rollouts, double sampled_seconds);

/// Share of right answers to the held-out problems, before, during and after a stage.
class HeldOutScore {
 public:
  HeldOutScore(const Run& run, RunLoop& loop, const PromptSource& prompts, RewardRole& reward);
  /// Measures the model as the stage finds it, unless an earlier start did. Collective over: world.
  void before(Policy& policy, std::int64_t first_step);
  void if_due(Policy& policy, std::int64_t step, metrics::StepMetrics& metrics);
  /// {"before": …, "after": …} (accuracy and mean reward; null without held-out problems) after
  /// `steps_done` steps. Collective over: world.
  nlohmann::json summary(Policy& policy, std::int64_t steps_done);

 private:
  struct Score {
    double accuracy = 0.0, reward = 0.0;
  };
  /// After `steps_done` steps, with the settings of the last of them.
  Score measure(Policy& policy, std::int64_t steps_done);
  nlohmann::json to_json(const Score& score) const;

  const Run& run_;
  RunLoop& loop_;
  RewardRole& reward_;
  std::vector<data::Prompt> prompts_;
  nlohmann::json before_;
};

/// Cross entropy on held-out records, before, during and after a supervised stage.
class HeldOutLoss {
 public:
  HeldOutLoss(const Run& run, RunLoop& loop, const std::vector<data::TrainingSample>& samples)
      : run_(run), loop_(loop), samples_(samples) {}
  void before(Learner& learner, std::int64_t first_step);
  void if_due(Learner& learner, std::int64_t step, std::int64_t every,
              metrics::StepMetrics& metrics);
  /// {"before": …, "after": …, "records": n}; without records null for the values. Collective.
  nlohmann::json summary(Learner& learner, std::int64_t step);

 private:
  const Run& run_;
  RunLoop& loop_;
  const std::vector<data::TrainingSample>& samples_;
  nlohmann::json before_;
};

/// The trained model as the Hugging Face folder `path`, complete or not at all; an older one is
/// replaced. `trainer`: null outside the policy. Collective over: world. Throws: InputError when
/// the disk refuses.
void export_model(const Run& run, training::Trainer* trainer, const std::string& path);

/// Every [checkpoint] save_hf_every steps: the model as a Hugging Face folder "hf/step-00000400" of
/// the run folder (export_model). A disk that refuses is a warning. Collective over: world.
void export_if_due(const Run& run, training::Trainer* trainer, std::int64_t step);

/// After a restart: the export of the step before `first_step`, when it was due and an earlier
/// start ended before it was there. Collective over: world.
void export_missed(const Run& run, training::Trainer* trainer, std::int64_t first_step);

/// Writes the model's folder (in the master's precision) and summary.json: held-out values,
/// relative change of the weights. `trainer`: null outside the policy. Collective over: world.
void write_stage_output(const Run& run, training::Trainer* trainer, nlohmann::json held_out);

}  // namespace r1::mpi
