#pragma once
// One step's update of the policy by PPO or GRPO: from scored rollouts to optimizer steps and
// metrics.
#include <span>

#include "algorithms/kl.h"
#include "config/config.h"
#include "metrics/step_metrics.h"
#include "metrics/timeline.h"
#include "training/pass.h"
#include "training/trained_model.h"

namespace r1::training {

/// The policy that an update changes. Each replica holds whole groups of samples.
struct TrainedPolicy : TrainedModel {
  const ValueHead* value_head;              // null: advantages are computed from groups (GRPO)
  algorithms::KlController& kl_controller;  // receives the step's KL (PPO)
};

/// The options that an update reads.
struct PolicyUpdateOptions {
  explicit PolicyUpdateOptions(const config::Config& config);

  config::RlOptions rl;
  algorithms::AdvantageOptions advantage;
  algorithms::KlOptions kl;
  algorithms::PolicyLossOptions policy_loss;
  algorithms::ValueLossOptions value_loss;
  config::TrainerOptions trainer;
  double temperature;           // of all log-probabilities
  double sampling_temperature;  // at which the generator sampled and says its log-probabilities
};

/// The training step that an update belongs to, and the objects that record its progress.
struct PolicyStep {
  std::int64_t number;          // step number in the timeline
  std::int64_t policy_version;  // optimizer steps taken before this step
  std::uint64_t seed;           // seed of the order of samples in mini-batches
  metrics::Timeline& timeline;  // receives the spans "old log-probs" and "update"
  Progress progress;
  IsCutShort is_cut_short = {};  // empty: the step is done to its end
};

struct PolicyUpdate {
  metrics::StepMetrics metrics;          // reduced over all replicas; none of a step cut short
  std::int64_t num_optimizer_steps = 0;  // steps taken: the policy's version grows by this number
};

/// Computes advantages, then runs all epochs and mini-batches of the step. `rollouts`: this
/// replica's rollouts, with final rewards. `coldstart`: supervised samples of the step, equal on
/// all ranks. A step that is cut short on any replica takes no further optimizer step on any;
/// weights, trainer and KL controller then hold the state of no step. Collective over: the policy.
/// Throws: NumericalError after too many skipped optimizer steps in a row.
PolicyUpdate update_policy(const TrainedPolicy& policy, std::span<const data::Rollout> rollouts,
                           std::span<const data::TrainingSample> coldstart,
                           const PolicyUpdateOptions& options, const PolicyStep& step);

}  // namespace r1::training
