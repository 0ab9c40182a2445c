#pragma once
// The gated MLP of Llama-style layers, and its activation.
#include <ATen/core/Tensor.h>

#include "nn/linear.h"

namespace r1::nn {

/// gate_up [T, 2I] = rows [gate, up] -> silu(gate) * up [T, I]. Differentiable. Reference: Shazeer,
/// arXiv 2002.05202.
at::Tensor silu_mul(const at::Tensor& gate_up);

/// Plain ATen form: the oracle of the CPU kernel, and what GPUs run.
at::Tensor silu_mul_reference(const at::Tensor& gate_up);

/// down(silu(gate(x)) * up(x)) with gate and up fused: one matrix product. I: its width.
struct GatedMlp {
  Linear gate_up;  // [2I, D]
  Linear down;     // [D, I]

  at::Tensor operator()(const at::Tensor& x) const;
  /// silu(gate(x)) * up(x) by two products: what trains on a GPU, which is slow on the halves of
  /// wider rows, forward and even more backward (measured: 3.3 instead of 1.4 ms a layer).
  at::Tensor gated_by_halves(const at::Tensor& x) const;
};

}  // namespace r1::nn
