#pragma once
// Metrics of a step's rollouts, reduced over all replicas.
#include <ATen/core/Tensor.h>

#include <span>

#include "data/types.h"
#include "metrics/step_metrics.h"
#include "parallel/communicator.h"
#include "training/training_rows.h"

namespace r1::training {

/// How far the trainer's log-probabilities are from the generator's log-probabilities, over tokens.
/// With equal weights the two differ only by rounding.
struct GeneratorMismatch {
  double abs_sum = 0.0, exp_sum = 0.0, largest = 0.0, count = 0.0;

  /// Compares log-probabilities of the same tokens. Both tensors: fp64 on the CPU.
  void add(const at::Tensor& logprobs, const at::Tensor& sampled);
};

/// Sets completion_length, truncated_share, dropped_share, kept_mass, kl_divergence,
/// rollout_staleness, reward_mean, reward_std, zero_advantage_groups and, unless `mismatch` is
/// null, generator_trainer_abs, _exp, _max. A metric that counted nothing is not set.
/// `policy_version`: version of the weights at the start of the step. If no sample of the step
/// could be scored, the first replica logs a warning. Collective over: replicas.
void set_rollout_metrics(metrics::StepMetrics& metrics, std::span<const data::Rollout> rollouts,
                         std::int64_t policy_version, const GroupCounts& groups,
                         const GeneratorMismatch* mismatch, parallel::Communicator& replicas);

}  // namespace r1::training
