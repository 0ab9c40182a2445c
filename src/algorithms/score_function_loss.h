#pragma once
// The safety term of SFT 2: a score-function gradient through the model's own sampled answers.
//
// The cost of an answer is c = -log(safety). The gradient of its expectation over sampled answers
// is E[(c - mean c) grad log p(answer)]; the loss below has exactly that gradient. Reference:
// Williams (1992), REINFORCE, with the batch mean as baseline.
#include <ATen/core/Tensor.h>

#include "algorithms/loss.h"

namespace r1::algorithms {

/// Safety below this counts as this: -log(safety) stays finite.
inline constexpr double kLeastSafety = 1e-8;

/// c - mean c over all ranks, [S], of safety [S] in [0, 1].
at::Tensor centred_costs(const at::Tensor& safety, const SumReducer& reduce);

/// Sum over tokens of their sequence's weight x logprob, over the step's sequences. logprobs [T],
/// sequence_ids int64 [T], weights [S]. Its value means nothing, its gradient does.
at::Tensor score_function_loss(const at::Tensor& logprobs, const at::Tensor& sequence_ids,
                               const at::Tensor& weights, const LossDenominators& denominators);

}  // namespace r1::algorithms
