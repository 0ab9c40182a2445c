#include "algorithms/rollout_correction.h"

#include <ATen/ATen.h>

#include "algorithms/loss.h"

namespace r1::algorithms {
namespace {

/// The ratios [T] at a level: of the token, of its sequence, or the sequence's geometric mean.
at::Tensor ratios_at(const std::string& level, const at::Tensor& log_ratios,
                     const at::Tensor& sequence_ids, const at::Tensor& lengths) {
  if (level == "token") return log_ratios.exp();
  const at::Tensor of_sequence = level == "sequence"
                                     ? sequence_sums(log_ratios, sequence_ids, lengths)
                                     : sequence_means(log_ratios, sequence_ids, lengths);
  return of_sequence.exp().index_select(0, sequence_ids);
}

}  // namespace

RolloutWeights rollout_weights(const at::Tensor& old_logprobs, const at::Tensor& sampled_logprobs,
                               const at::Tensor& sequence_ids, const at::Tensor& lengths,
                               const RolloutCorrectionOptions& options) {
  if (!options.used()) return {};
  const at::Tensor log_ratios = (old_logprobs - sampled_logprobs).detach();
  RolloutWeights result;
  result.weights = at::ones_like(log_ratios);
  result.truncated = at::zeros(log_ratios.sizes(), log_ratios.options().dtype(at::kBool));
  result.masked = result.truncated;
  if (options.rollout_is != "none") {
    const at::Tensor ratios = ratios_at(options.rollout_is, log_ratios, sequence_ids, lengths);
    result.truncated = ratios.gt(options.rollout_is_threshold);
    result.weights = ratios.clamp_max(options.rollout_is_threshold);
  }
  if (options.rollout_rs != "none") {
    const at::Tensor ratios = ratios_at(options.rollout_rs, log_ratios, sequence_ids, lengths);
    result.masked = ratios.lt(options.lower()).logical_or(ratios.gt(options.rollout_rs_threshold));
    result.weights = result.weights.masked_fill(result.masked, 0.0);
  }
  return result;
}

}  // namespace r1::algorithms
