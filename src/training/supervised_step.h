#pragma once
// One optimizer step over a list of samples, for supervised fine-tuning and distillation.
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

/// Counts the target tokens and the sequences of the samples: the denominators of the step's loss.
algorithms::LossDenominators count_targets(std::span<const data::TrainingSample> samples);

/// Returns the micro-batches of one replica as lists of indices into `samples`. Replica r takes the
/// records r, r + num_replicas, r + 2 num_replicas, ... A record is `samples_per_record` samples in
/// a row, which stay in one micro-batch. The result depends only on the arguments, so that a
/// teacher on other ranks computes the same micro-batches.
std::vector<std::vector<std::int64_t>> replica_micro_batches(
    std::span<const data::TrainingSample> samples, int replica, int num_replicas,
    const config::TrainerOptions& options, std::int64_t samples_per_record = 1);

/// Computes a pass's part of the step's loss, a scalar.
using PassLoss = std::function<at::Tensor(const Pass&)>;
/// Returns the PassLoss of the mean cross entropy over the step's target tokens.
PassLoss cross_entropy(const algorithms::LossDenominators& denominators, std::int64_t chunk_tokens);

struct SupervisedStep {
  double loss = 0.0;  // loss of the step, over all replicas
  metrics::StepMetrics
      metrics;  // loss, gradient_norm, learning_rate, skipped_steps, tokens_per_second, experts
};

/// Takes one optimizer step. `samples`: equal on every replica. `more`, unless empty, adds further
/// gradients to the step (the safety term) and returns this rank's part of the loss that belongs to
/// these gradients. `samples_per_record`: as in replica_micro_batches. A step that is cut short on
/// any replica takes no optimizer step on any, and has no metrics; the trainer then holds the state
/// of no step. Collective over: the policy.
SupervisedStep supervised_step(const TrainedModel& trained,
                               std::span<const data::TrainingSample> samples, const PassLoss& loss,
                               const config::TrainerOptions& options, const Progress& progress,
                               const std::function<double()>& more = {},
                               const IsCutShort& is_cut_short = {},
                               std::int64_t samples_per_record = 1);

/// Mean cross entropy per target token over `samples`, without gradients. Collective over: the
/// policy.
double mean_cross_entropy(const TrainedModel& trained,
                          std::span<const data::TrainingSample> samples,
                          const config::TrainerOptions& options);

}  // namespace r1::training
