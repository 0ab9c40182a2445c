#include "training/scoring.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include "training/number_lists.h"

namespace r1::training {
namespace {

/// Gives each sample of the pass its part of the numbers of the pass's rows.
void share_out(const at::Tensor& rows, const Pass& pass, std::vector<std::vector<double>>& lists) {
  const auto numbers = to_vector(rows);
  for (const auto& range : pass.batch().samples)
    lists[static_cast<std::size_t>(range.sample)].assign(numbers.begin() + range.begin,
                                                         numbers.begin() + range.end);
}

}  // namespace

ScoringOptions scoring_options(const config::TrainerOptions& trainer, double temperature) {
  return {temperature, trainer.score_batch_tokens, trainer.logprob_chunk_tokens,
          trainer.share_prefix, 0.0};
}

SampleScores score_samples(const models::Model& model,
                           std::span<const data::TrainingSample> samples,
                           const ScoringOptions& options, const ValueHead* value_head,
                           models::Lockstep* phase) {
  const c10::InferenceMode inference;
  models::Lockstep own(model);
  auto& lockstep = phase != nullptr ? *phase : own;
  SampleScores scores;
  scores.logprobs.resize(samples.size());
  const bool twice = options.second_temperature > 0.0;
  if (twice) scores.second_logprobs.resize(samples.size());
  if (value_head != nullptr) scores.values.resize(samples.size());
  for (const auto& indices :
       data::split_by_tokens(samples, options.tokens_per_batch, options.share_prefix)) {
    lockstep.begin_pass();
    const Pass pass(model, samples, indices, options.share_prefix);
    share_out(pass.logprobs(options.temperature, false, options.logprob_chunk_tokens).logprobs,
              pass, scores.logprobs);
    if (twice)
      share_out(
          pass.logprobs(options.second_temperature, false, options.logprob_chunk_tokens).logprobs,
          pass, scores.second_logprobs);
    if (value_head != nullptr) share_out(pass.values(*value_head), pass, scores.values);
  }
  if (phase == nullptr) own.finish();
  return scores;
}

}  // namespace r1::training
