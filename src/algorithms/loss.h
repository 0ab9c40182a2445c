#pragma once
// Definitions that all losses share: denominators of the global step, ragged sequences, sums for
// metrics.
//
// A loss depends only on the samples of the step. Each loss function receives one micro-batch and
// returns the sum of its terms divided by the denominator of the GLOBAL step, which is counted once
// before the first backward pass. The results and the gradients of all micro-batches and ranks add
// up to the loss and the gradient of the step. Gradients over ranks are therefore summed, never
// averaged.
//
// Per-token tensors are flat [T] over the completion tokens of a micro-batch's sequences, in order.
// `sequence_ids` int64 [T]: index of a token's sequence among the S sequences. `lengths` int64 [S]:
// number of loss tokens of each sequence. A sequence without tokens adds nothing to the sum, but
// may be counted in `sequences` (a truncated sample that is masked).
#include <ATen/core/Tensor.h>

#include <functional>

namespace r1::algorithms {

/// Denominators of one global step (one optimizer step, all ranks).
struct LossDenominators {
  double tokens = 0.0;     // completion tokens in the loss
  double sequences = 0.0;  // rows, including rows without tokens
};

/// Sums a tensor in place over all ranks that hold parts of the batch. With one process it does
/// nothing.
using SumReducer = std::function<void(at::Tensor&)>;
inline void no_reduction(at::Tensor&) {}

/// int64 [S] -> int64 [T]: 0,0,0,1,1,...
at::Tensor sequence_ids_of(const at::Tensor& lengths);

/// Sums and means [S] of `values` [T] over the tokens of each sequence; 0 for a sequence without
/// tokens.
at::Tensor sequence_sums(const at::Tensor& values, const at::Tensor& sequence_ids,
                         const at::Tensor& lengths);
at::Tensor sequence_means(const at::Tensor& values, const at::Tensor& sequence_ids,
                          const at::Tensor& lengths);

/// 1 / value, or 0 for a step without terms.
inline double inverse(double value) {
  return value > 0.0 ? 1.0 / value : 0.0;
}

}  // namespace r1::algorithms
