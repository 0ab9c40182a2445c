#pragma once
// The distillation loss: soft_weight T^2 KL(teacher, student) + hard_weight cross entropy.
// Reference: Hinton et al., arXiv 1503.02531, section 2 (the factor T^2).
#include <ATen/core/Tensor.h>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

/// Factors of a token's divergence (at the temperature, without T^2) and of a token's cross
/// entropy.
struct DistillationTokenWeights {
  double soft, hard;
};
DistillationTokenWeights distillation_token_weights(const DistillationLossOptions& options,
                                                    const LossDenominators& denominators);

struct DistillationLoss {
  at::Tensor loss;
  at::Tensor sums;  // fp64 [3]: tokens, sum of divergences (without T^2), sum of cross entropies
};
/// divergence [T]: the configured divergence at options.temperature, undefined if soft_weight is 0.
/// hard [T]: cross entropy at temperature 1. soft_reduction "batch" divides the soft term by the
/// sequences of the step, "token" by the tokens of the step; the hard term is always a mean over
/// tokens.
DistillationLoss distillation_loss(const at::Tensor& divergence, const at::Tensor& hard,
                                   const DistillationLossOptions& options,
                                   const LossDenominators& denominators);

}  // namespace r1::algorithms
