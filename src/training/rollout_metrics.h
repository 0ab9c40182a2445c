#pragma once
// What a step's rollouts say of the policy that sampled them, as metrics of all replicas.
#include <ATen/core/Tensor.h>

#include <span>

#include "data/types.h"
#include "metrics/step_metrics.h"
#include "parallel/communicator.h"
#include "training/training_rows.h"

namespace r1::training {

/// How far the trainer's log-probabilities are from the generator's, over tokens: with the same
/// weights they differ by rounding alone.
struct GeneratorMismatch {
  double abs_sum = 0.0, exp_sum = 0.0, largest = 0.0, count = 0.0;

  /// Log-probabilities of the same tokens, fp64 on the CPU.
  void add(const at::Tensor& logprobs, const at::Tensor& sampled);
};

/// Sets completion_length, truncated_share, dropped_share, kept_mass, kl_divergence,
/// rollout_staleness, reward_mean, reward_std, zero_advantage_groups and, unless `mismatch` is
/// null, generator_trainer_abs, _exp, _max. `policy_version`: of the weights that the step begins
/// with. A step of which no sample could be scored is a warning of the first replica. Collective
/// over: replicas.
void set_rollout_metrics(metrics::StepMetrics& metrics, std::span<const data::Rollout> rollouts,
                         std::int64_t policy_version, const GroupCounts& groups,
                         const GeneratorMismatch* mismatch, parallel::Communicator& replicas);

}  // namespace r1::training
