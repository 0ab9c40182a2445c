#pragma once
// The gated activation of an MLP: silu(gate) * up.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// gate_up [T, 2I] = rows [gate, up] -> silu(gate) * up [T, I]. fp32 and bf16 kernels on GPUs (I a
/// multiple of 8), loops on the CPU, else the plain form. Differentiable. Reference: Shazeer, arXiv
/// 2002.05202.
at::Tensor silu_mul(const at::Tensor& gate_up);

/// linear(silu_mul(gate_up), weight, bias), bias undefined: none. Where a CUDA kernel computes the
/// backward pass, it forms silu(gate) * up again beside its gradient, so that nothing but gate_up
/// is kept. `values_are_read` false: the result is not filled where only the gradients matter.
at::Tensor silu_mul_linear(const at::Tensor& gate_up, const at::Tensor& weight,
                           const at::Tensor& bias, bool values_are_read = true);

/// Whether a CUDA kernel computes silu_mul of such a tensor.
bool has_silu_mul_kernel(const at::Tensor& gate_up);

/// Whether silu_mul of what an MLP makes of `x` is one pass over memory. Where it is not (a GPU
/// without the kernels), an MLP's backward pass is cheaper with gate and up apart.
bool fuses_silu_mul(const at::Tensor& x);

/// Plain ATen form: the oracle of the others.
at::Tensor silu_mul_reference(const at::Tensor& gate_up);

}  // namespace r1::kernels
