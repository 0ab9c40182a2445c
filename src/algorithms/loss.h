#pragma once
// What all losses share: denominators of the global step, ragged sequences, sums for metrics.
//
// A loss is a function of the step's samples alone. Each loss function sees one micro-batch and
// returns its terms' sum over the denominator of the GLOBAL step, counted once before the first
// backward: adding the results (and gradients) of all micro-batches and ranks gives the step's.
// So gradients over ranks are summed, never averaged.
//
// Per-token tensors are flat [T] over the completion tokens of a micro-batch's sequences, in order;
// `sequence_ids` int64 [T] says which of its S sequences a token belongs to, `lengths` int64 [S]
// how many tokens each has in the loss. A sequence with no token adds nothing but may be counted in
// `sequences` (a truncated sample that is masked).
#include <ATen/core/Tensor.h>

#include <functional>

namespace r1::algorithms {

/// Of one global step (one optimizer step, all ranks).
struct LossDenominators {
  double tokens = 0.0;     // completion tokens in the loss
  double sequences = 0.0;  // rows, those without a token included
};

/// Adds a tensor over all ranks that hold parts of the batch, in place; one process: does nothing.
using SumReducer = std::function<void(at::Tensor&)>;
inline void no_reduction(at::Tensor&) {}

/// int64 [S] -> int64 [T]: 0,0,0,1,1,...
at::Tensor sequence_ids_of(const at::Tensor& lengths);

/// 1 / value, and 0 for a step without any term.
inline double inverse(double value) {
  return value > 0.0 ? 1.0 / value : 0.0;
}

}  // namespace r1::algorithms
