#pragma once
// The gated activation of an MLP, silu(gate) * up (SwiGLU).
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// gate_up [T, 2I], whose rows are [gate, up] -> silu(gate) * up [T, I]. CUDA kernels for fp32 and
/// bf16 on GPUs (I a multiple of 8), loops on the CPU, else the plain form. Differentiable.
/// Reference: Shazeer, arXiv 2002.05202.
at::Tensor silu_mul(const at::Tensor& gate_up);

/// linear(silu_mul(gate_up), weight, bias); `bias` may be undefined. With a CUDA kernel, the
/// backward pass computes silu(gate) * up again together with the gradient, so that autograd keeps
/// only gate_up. `values_are_read` false: the result is not filled where only the gradients matter.
at::Tensor silu_mul_linear(const at::Tensor& gate_up, const at::Tensor& weight,
                           const at::Tensor& bias, bool values_are_read = true);

/// Whether a CUDA kernel computes silu_mul of this tensor.
bool has_silu_mul_kernel(const at::Tensor& gate_up);

/// Whether silu_mul of the fused gate and up projections of `x` is one pass over memory. Otherwise
/// (a GPU without the kernels) the backward pass of an MLP is cheaper with separate gate and up
/// projections.
bool fuses_silu_mul(const at::Tensor& x);

/// Plain ATen form, the reference of the other forms.
at::Tensor silu_mul_reference(const at::Tensor& gate_up);

}  // namespace r1::kernels
