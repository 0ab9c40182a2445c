#pragma once
// The distillation loss: soft_weight T^2 KL(teacher, student) + hard_weight cross entropy.
// Reference: Hinton et al., arXiv 1503.02531, section 2 (the factor T^2).
#include <ATen/core/Tensor.h>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

/// What a token's divergence (without T^2, at the temperature) and cross entropy are multiplied by.
struct DistillationTokenWeights {
  double soft, hard;
};
DistillationTokenWeights distillation_token_weights(const DistillationLossOptions& options,
                                                    const LossDenominators& denominators);

struct DistillationLoss {
  at::Tensor loss;
  at::Tensor sums;  // fp64 [3]: tokens, sum of the divergence (no T^2), sum of the cross entropy
};
/// divergence [T] (the configured one, at options.temperature; undefined when soft_weight is 0) and
/// hard [T] (cross entropy at temperature 1). soft_reduction "batch" divides the soft term by the
/// step's sequences, "token" by its tokens; the hard term is always a token mean.
DistillationLoss distillation_loss(const at::Tensor& divergence, const at::Tensor& hard,
                                   const DistillationLossOptions& options,
                                   const LossDenominators& denominators);

}  // namespace r1::algorithms
