#pragma once
// The gated MLP of Llama-style layers.
#include <ATen/core/Tensor.h>

#include "nn/linear.h"

namespace r1::nn {

/// down(silu(gate(x)) * up(x)) with gate and up fused: one matrix product. I: its width. The result
/// is added to others, so that its values matter to no gradient (activation_checkpoint.h).
struct GatedMlp {
  Linear gate_up;  // [2I, D]
  Linear down;     // [D, I]

  at::Tensor operator()(const at::Tensor& x) const;
  /// silu(gate(x)) * up(x) by two products: what trains on a GPU without the project's kernels,
  /// because torch's operations are slow on the halves of wider rows, forward and even more
  /// backward (measured: 3.3 instead of 1.4 ms a layer).
  at::Tensor gated_by_halves(const at::Tensor& x) const;
};

}  // namespace r1::nn
