#pragma once
// Log-probabilities and values of samples without gradients: what the reference, the policy and
// held-out losses need.
#include <span>
#include <vector>

#include "config/options.h"
#include "models/lockstep.h"
#include "training/pass.h"

namespace r1::training {

/// How scoring cuts its work (none of it changes a result), and the temperature.
struct ScoringOptions {
  double temperature = 1.0;
  std::int64_t tokens_per_batch = 32768;
  std::int64_t logprob_chunk_tokens = 0;
  bool share_prefix = true;
  double second_temperature = 0.0;  // of SampleScores::second_logprobs; 0: none are wanted
};
ScoringOptions scoring_options(const config::TrainerOptions& trainer, double temperature);

/// Lists of each sample, one number per completion token, in their order. Of a sample without a
/// completion: empty.
struct SampleScores {
  std::vector<std::vector<double>> logprobs;
  std::vector<std::vector<double>> second_logprobs;  // at second_temperature
  std::vector<std::vector<double>> values;           // empty without a value head
};

/// Scores under softmax(logits / temperature), and of `value_head` unless it is null. One phase of
/// work of its own, or a part of `phase` (models/lockstep.h), which the caller finishes.
/// Collective over: the model's axes.
SampleScores score_samples(const models::Model& model,
                           std::span<const data::TrainingSample> samples,
                           const ScoringOptions& options, const ValueHead* value_head = nullptr,
                           models::Lockstep* phase = nullptr);

}  // namespace r1::training
