#pragma once
// One optimizer step over a list of samples: supervised fine-tuning and distillation.
#include <functional>
#include <span>
#include <vector>

#include "algorithms/loss.h"
#include "config/options.h"
#include "data/types.h"
#include "metrics/step_metrics.h"
#include "training/pass.h"
#include "training/trained_model.h"

namespace r1::training {

/// The denominators of a list of samples: tokens that are predicted, and sequences.
algorithms::LossDenominators count_targets(std::span<const data::TrainingSample> samples);

/// The micro-batches of one replica, as lists of indices: every num_replicas-th sample is its. A
/// function of its arguments, so that a teacher on other ranks knows them.
std::vector<std::vector<std::int64_t>> replica_micro_batches(
    std::span<const data::TrainingSample> samples, int replica, int num_replicas,
    const config::TrainerOptions& options);

/// A pass's part of the step's loss, a scalar.
using PassLoss = std::function<at::Tensor(const Pass&)>;
/// Mean cross entropy of the step's target tokens.
PassLoss cross_entropy(const algorithms::LossDenominators& denominators, std::int64_t chunk_tokens);

struct SupervisedStep {
  double loss = 0.0;  // of the step, over all replicas
  metrics::StepMetrics
      metrics;  // loss, gradient_norm, learning_rate, skipped_steps, tokens_per_second, experts
};

/// One optimizer step. `samples`: the same on every replica. `more`, unless empty, adds gradients
/// of its own to the step and returns this rank's part of what they add to the loss (the safety
/// term). Collective over: the policy.
SupervisedStep supervised_step(const TrainedModel& trained,
                               std::span<const data::TrainingSample> samples, const PassLoss& loss,
                               const config::TrainerOptions& options, const Progress& progress,
                               const std::function<double()>& more = {});

/// Cross entropy per target token over `samples`, without gradients. Collective over: the policy.
double mean_cross_entropy(const TrainedModel& trained,
                          std::span<const data::TrainingSample> samples,
                          const config::TrainerOptions& options);

}  // namespace r1::training
