#pragma once
// Root-mean-square norm with the residual addition before it.
#include <ATen/core/Tensor.h>

#include <utility>

namespace r1::kernels {

/// sum = x + residual (residual undefined: x), normed = sum / sqrt(mean(sum^2) + epsilon) * weight.
/// x [T, D], weight [D] -> {sum, normed}, both [T, D]. The sum and the residual, which is the sum
/// of the layer before, are fp32 for bf16 x (fp64 for fp64): a stream rounded to bf16 in every
/// layer would let two ways of computing the same token drift apart. Differentiable. Reference:
/// Zhang and Sennrich, arXiv 1910.07467, equation 4.
std::pair<at::Tensor, at::Tensor> add_rms_norm(const at::Tensor& x, const at::Tensor& residual,
                                               const at::Tensor& weight, double epsilon);

/// Plain ATen form: the reference of the others.
std::pair<at::Tensor, at::Tensor> add_rms_norm_reference(const at::Tensor& x,
                                                         const at::Tensor& residual,
                                                         const at::Tensor& weight, double epsilon);

/// Torch's norm over the wide sum, in half the launches and a third of the memory that the plain
/// form keeps for its backward pass: what GPUs run without the CUDA kernels.
std::pair<at::Tensor, at::Tensor> add_rms_norm_fused(const at::Tensor& x,
                                                     const at::Tensor& residual,
                                                     const at::Tensor& weight, double epsilon);

}  // namespace r1::kernels
