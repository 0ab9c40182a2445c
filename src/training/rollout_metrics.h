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
  double k1 = 0.0, k2 = 0.0, k3 = 0.0;  // estimates of KL(generator, trainer) (algorithms/kl.h)
  double weights = 0.0, squared_weights = 0.0;  // of p_trainer / p_generator

  /// Compares log-probabilities of the same tokens. Both tensors: fp64 on the CPU.
  void add(const at::Tensor& logprobs, const at::Tensor& sampled);
};

/// Sets completion_length, completion_length_max, truncated_share, dropped_share, kept_mass,
/// kl_divergence, rollout_staleness, stale_token_share, token_staleness, token_staleness_max,
/// reward_mean, reward_std, zero_advantage_groups and, unless
/// `mismatch` is null, generator_trainer_abs, _exp, _max, _kl (k1), _kl_k2, _kl_k3 and
/// effective_sample_share. The last is (sum w)^2 / (n sum w^2) over the n tokens of the step with w
/// = p_trainer / p_generator: the share of the tokens that importance weights leave in effect. A
/// metric that counted nothing is not set.
/// `policy_version`: version of the weights at the start of the step. If no sample of the step
/// could be scored, the first replica logs a warning. Collective over: replicas.
void set_rollout_metrics(metrics::StepMetrics& metrics, std::span<const data::Rollout> rollouts,
                         std::int64_t policy_version, const GroupCounts& groups,
                         const GeneratorMismatch* mismatch, parallel::Communicator& replicas);

}  // namespace r1::training
