#pragma once
// The reports and output of a training stage: rollout metrics, held-out scores, and the folder of
// the trained model.
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

#include "metrics/step_metrics.h"
#include "prompt_source.h"
#include "roles/reward.h"
#include "run_loop.h"

namespace r1::training {
class Trainer;
}

namespace r1::mpi {

class Policy;

/// Joins the rollouts of all chunks of this rank, ordered by sample number.
std::vector<data::Rollout> join(std::vector<RolloutChunk> chunks);

/// Adds means of reward parts, accuracy, throughput and times over all policy ranks. Collective
/// over: policy.
void add_rollout_metrics(metrics::StepMetrics& metrics, const Run& run,
                         std::span<const data::Rollout> rollouts, double sampled_seconds);

/// Share of correct answers to the held-out problems, before, during and after a stage.
class HeldOutScore {
 public:
  HeldOutScore(const Run& run, RunLoop& loop, const PromptSource& prompts, RewardRole& reward);
  /// Measures the model at the start of the stage, unless an earlier start did. Collective over:
  /// world.
  void before(Policy& policy, std::int64_t first_step);
  /// heldout_accuracy, heldout_reward, and heldout_accuracy/DOMAIN where the problems have several
  /// domains. Collective over: world.
  void if_due(Policy& policy, std::int64_t step, metrics::StepMetrics& metrics);
  /// {"before": …, "after": …} (accuracy, mean reward, accuracy of each domain; null without
  /// held-out problems) after `steps_done` steps. Collective over: world.
  nlohmann::json summary(Policy& policy, std::int64_t steps_done);

 private:
  struct Score {
    double accuracy = 0.0, reward = 0.0;
    std::map<std::string, double> accuracy_of;  // of each domain, where there are several
  };
  /// Measures after `steps_done` steps, with the settings of the last step.
  Score measure(Policy& policy, std::int64_t steps_done);
  nlohmann::json to_json(const Score& score) const;

  const Run& run_;
  RunLoop& loop_;
  RewardRole& reward_;
  std::vector<data::Prompt> prompts_;
  std::set<std::string> domains_;  // of the prompts, where there are several
  nlohmann::json before_;
};

/// The loss on held-out records, before, during and after a supervised stage.
class HeldOutLoss {
 public:
  /// Returns the "loss" of the held-out records, and further numbers by their names. Collective
  /// over: policy.
  using Measure = std::function<std::map<std::string, double>()>;
  HeldOutLoss(const Run& run, RunLoop& loop, std::size_t num_records, Measure measure)
      : run_(run), loop_(loop), num_records_(num_records), measure_(std::move(measure)) {}
  void before(std::int64_t first_step);
  /// Sets heldout_loss, and heldout_NAME for the further numbers.
  void if_due(std::int64_t step, std::int64_t every, metrics::StepMetrics& metrics);
  /// {"before": …, "after": …, "records": n}; the values are null without records. Collective over:
  /// policy.
  nlohmann::json summary(std::int64_t step);

 private:
  const Run& run_;
  RunLoop& loop_;
  std::size_t num_records_;
  Measure measure_;
  nlohmann::json before_;
};

/// Writes the trained model to the Hugging Face folder `path` in the dtype of [checkpoint]
/// save_hf_dtype, completely or not at all; an older folder is replaced. Of a model with adapters
/// the folder has the merged weights, and the folder `path`-adapters is a PEFT folder (a reward
/// model has the merged folder alone). `trainer`: null outside the policy. Collective over: world.
/// Throws: InputError if the disk refuses.
void export_model(const Run& run, training::Trainer* trainer, const std::string& path);

/// Every [checkpoint] save_hf_every steps: writes the model to the Hugging Face folder
/// "hf/step-00000400" in the run folder (export_model). A disk that refuses is a warning.
/// Collective over: world.
void export_if_due(const Run& run, training::Trainer* trainer, std::int64_t step);

/// After a restart: writes the export of the step before `first_step`, if the export was due and an
/// earlier start ended before the export was complete. Collective over: world.
void export_missed(const Run& run, training::Trainer* trainer, std::int64_t first_step);

/// Writes the model's folder as export_model(), in the dtype of the master weights, and
/// summary.json: held-out values, and the relative change of the weights. `trainer`: null outside
/// the policy. Collective over: world.
void write_stage_output(const Run& run, training::Trainer* trainer, nlohmann::json held_out);

}  // namespace r1::mpi
