#pragma once
// The gated activation of Llama-style MLPs.
#include <ATen/core/Tensor.h>

namespace r1::nn {

/// gate_up [T, 2I] = rows [gate, up] -> silu(gate) * up [T, I]. Differentiable. Reference: Shazeer,
/// arXiv 2002.05202.
at::Tensor silu_mul(const at::Tensor& gate_up);

/// Plain ATen form: the oracle of the CPU kernel, and what GPUs run.
at::Tensor silu_mul_reference(const at::Tensor& gate_up);

}  // namespace r1::nn
