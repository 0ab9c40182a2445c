#pragma once
// Importance weights between the generator, which sampled the tokens, and the old policy, as the
// trainer computes it from the weights that the update starts with. The two differ by rounding and
// quantisation, and by optimizer steps if the samples are older.
//
// With rho = p_old / p_generator of a token or of its sequence, rollout_is gives the weight
// min(rho, threshold), and rollout_rs gives the weight 0 where rho is outside of its bounds. Both
// may be used together: IcePop is rollout_is = rollout_rs = "token" with equal upper thresholds.
// Reference: Hilton et al., arXiv 2110.00641, section 3 (decoupled policies); Yao et al., "Your
// efficient RL framework secretly brings you off-policy RL training" (2025) for truncated weights;
// Ling Team, arXiv 2510.18855, section 3 (IcePop).
#include <ATen/core/Tensor.h>

#include "algorithms/options.h"

namespace r1::algorithms {

/// All undefined if the correction is not used.
struct RolloutWeights {
  at::Tensor weights;    // [T], factors of the policy terms, without gradients
  at::Tensor truncated;  // bool [T]: the threshold of rollout_is lowered the weight
  at::Tensor masked;     // bool [T]: rollout_rs set the weight to 0
};

/// old_logprobs, sampled_logprobs: [T]; sequence_ids int64 [T] and lengths int64 [S] as in loss.h.
RolloutWeights rollout_weights(const at::Tensor& old_logprobs, const at::Tensor& sampled_logprobs,
                               const at::Tensor& sequence_ids, const at::Tensor& lengths,
                               const RolloutCorrectionOptions& options);

}  // namespace r1::algorithms
