#pragma once
// The products of the experts that a rank holds.
//
// Shape letters: N rows (visits of tokens to experts), D hidden size, H experts, I intermediate
// width of an expert.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace r1::kernels {

/// How expert_products computes. Grouped: two grouped products of all experts, for which the host
/// waits for nothing, so that a graph can record them; torch has them on GPUs in bf16. OneByOne:
/// products of each expert, for which the host reads the counts.
enum class ExpertProductsForm { Grouped, OneByOne };

/// Of experts of the width `inner` over tokens of the width `hidden`.
ExpertProductsForm expert_products_form(at::Device device, at::ScalarType dtype,
                                        std::int64_t hidden, std::int64_t inner);

/// down_e(silu(gate_e(x)) * up_e(x)) of each row x by its expert e. x [N, D] and `experts` int64
/// [N] are sorted by expert; counts, int64 [H]: rows of each expert. gate_up [H * 2I, D], with the
/// gate of an expert before its up projection, down [H * D, I] -> [N, D]. Differentiable. Chooses
/// its form by expert_products_form.
at::Tensor expert_products(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& counts,
                           const at::Tensor& gate_up, const at::Tensor& down);

/// Sum over a token's experts of weight * product: x [T, D], experts int64 [T, k], weights [T, k]
/// (fp32, fp64 for fp64), gate_up and down as in expert_products, all experts here -> [T, D] in x's
/// dtype. For few tokens in bf16 on a GPU, where no gradients are recorded, CUDA kernels order the
/// visits, stream the weights of the visited experts once, and add up; else the plain form.
/// Differentiable.
at::Tensor expert_sums(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& weights,
                       const at::Tensor& gate_up, const at::Tensor& down);

/// The plain form: visits are sorted by expert. The reference of the CUDA kernels.
at::Tensor expert_sums_reference(const at::Tensor& x, const at::Tensor& experts,
                                 const at::Tensor& weights, const at::Tensor& gate_up,
                                 const at::Tensor& down);

}  // namespace r1::kernels
