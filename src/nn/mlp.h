#pragma once
// The gated MLP of Llama-style layers.
#include <ATen/core/Tensor.h>

#include "nn/linear.h"

namespace r1::nn {

/// down(silu(gate(x)) * up(x)), with gate and up fused in one matrix product. I: intermediate width
/// of the MLP. The caller adds the result to the residual stream, so no gradient depends on the
/// values of the result (activation_checkpoint.h).
struct GatedMlp {
  Linear gate_up;  // [2I, D]
  Linear down;     // [D, I]

  at::Tensor operator()(const at::Tensor& x) const;
  /// silu(gate(x)) * up(x) by two products. Training on a GPU without the project's kernels uses
  /// this form, because torch's operations on halves of wider rows are slow, in the backward pass
  /// even more than in the forward pass (measured: 3.3 instead of 1.4 ms per layer). Without
  /// adapters of gate_up.
  at::Tensor gated_by_halves(const at::Tensor& x) const;
};

}  // namespace r1::nn
