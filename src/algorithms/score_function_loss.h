#pragma once
// The safety term of SFT 2: a score-function gradient of a cost of the model's own sampled answers.
//
// The cost of an answer is c = -log(safety). The gradient of the expected cost over sampled answers
// is E[(c - mean c) grad log p(answer)], and the loss below has this gradient. Reference: Williams
// (1992), REINFORCE, with the batch mean as baseline.
#include <ATen/core/Tensor.h>

#include "algorithms/loss.h"

namespace r1::algorithms {

/// Lower bound of the safety, which keeps -log(safety) finite.
inline constexpr double kLeastSafety = 1e-8;

/// Returns c - mean c, [S], with the mean over all ranks. safety: [S] in [0, 1].
at::Tensor centred_costs(const at::Tensor& safety, const SumReducer& reduce);

/// Sum over tokens of logprob x the weight of the token's sequence, divided by the sequences of the
/// step. logprobs [T], sequence_ids int64 [T], weights [S]. Only the gradient of the result has a
/// meaning.
at::Tensor score_function_loss(const at::Tensor& logprobs, const at::Tensor& sequence_ids,
                               const at::Tensor& weights, const LossDenominators& denominators);

}  // namespace r1::algorithms
