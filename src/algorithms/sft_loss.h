#pragma once
// The supervised loss: mean cross entropy of the target tokens over the global step.
#include <ATen/core/Tensor.h>

#include "algorithms/loss.h"

namespace r1::algorithms {

/// The factor of a token's -logprob in the loss.
inline double sft_token_weight(const LossDenominators& denominators) {
  return inverse(denominators.tokens);
}

struct SftLoss {
  at::Tensor loss;  // -sum of logprobs / tokens of the step
  at::Tensor sums;  // fp64 [2]: tokens, sum of -logprob
};
/// logprobs [T] of the target tokens, including end tokens, without padding.
SftLoss sft_loss(const at::Tensor& logprobs, const LossDenominators& denominators);

}  // namespace r1::algorithms
