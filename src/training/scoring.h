#pragma once
// Log-probabilities and values of samples without gradients. The reference, the policy and held-out
// losses use this scoring.
#include <span>
#include <vector>

#include "config/options.h"
#include "models/lockstep.h"
#include "training/pass.h"

namespace r1::training {

/// The temperature, and how scoring splits its work into batches and chunks. The split does not
/// change the result.
struct ScoringOptions {
  double temperature = 1.0;
  std::int64_t tokens_per_batch = 32768;
  std::int64_t logprob_chunk_tokens = 0;
  bool share_prefix = true;
  double second_temperature = 0.0;  // of SampleScores::second_logprobs; 0: none are wanted
};
ScoringOptions scoring_options(const config::TrainerOptions& trainer, double temperature);

/// Lists per sample, with one number per completion token in the order of the tokens. A sample
/// without a completion has empty lists.
struct SampleScores {
  std::vector<std::vector<double>> logprobs;
  std::vector<std::vector<double>> second_logprobs;  // at second_temperature
  std::vector<std::vector<double>> values;           // empty without a value head
};

/// Scores the samples under softmax(logits / temperature), and computes values unless `value_head`
/// is null. The scoring is one phase of work of its own (models/lockstep.h), or a part of `phase`,
/// which the caller finishes. Collective over: the model's axes.
SampleScores score_samples(const models::Model& model,
                           std::span<const data::TrainingSample> samples,
                           const ScoringOptions& options, const ValueHead* value_head = nullptr,
                           models::Lockstep* phase = nullptr);

}  // namespace r1::training
