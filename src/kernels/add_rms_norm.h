#pragma once
// Residual addition followed by root-mean-square norm.
#include <ATen/core/Tensor.h>

#include <utility>

namespace r1::kernels {

/// sum = x + residual (residual undefined: sum = x), normed = sum / sqrt(mean(sum^2) + epsilon) *
/// weight. x [T, D], weight [D] -> {sum, normed}, both [T, D]. The residual is the sum of the layer
/// before. Sum and residual are fp32 for bf16 x (fp64 for fp64): if each layer rounded the residual
/// stream to bf16, generation and training would compute different values for the same token.
/// Differentiable. Reference: Zhang and Sennrich, arXiv 1910.07467, equation 4.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual,
                                               const at::Tensor& weight, double epsilon);

/// Plain ATen form, the reference of the other forms.
std::pair<at::Tensor, at::Tensor> add_rms_norm_reference(const at::Tensor& x,
                                                         const at::Tensor& residual,
                                                         const at::Tensor& weight, double epsilon);

/// Torch's norm over the wide sum. It needs half the launches, and keeps a third of the memory for
/// the backward pass, compared with the plain form. GPUs run this form without the CUDA kernels.
std::pair<at::Tensor, at::Tensor> add_rms_norm_fused(const at::Tensor& x,
                                                     const at::Tensor& residual,
                                                     const at::Tensor& weight, double epsilon);

}  // namespace r1::kernels
