#pragma once
// The products of the experts that a rank holds, for tokens that are sorted by expert.
//
// Shape letters: N rows (visits of tokens to experts), D hidden size, H experts, I intermediate
// width of an expert.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// down_e(silu(gate_e(x)) * up_e(x)) of each row x by its expert e. x [N, D] and `experts` int64
/// [N] are sorted by expert; counts, int64 [H]: rows of each expert. gate_up [H * 2I, D], with the
/// gate of an expert before its up projection, down [H * D, I] -> [N, D]. Differentiable. Forms: on
/// GPUs in bf16 two grouped products, for which the host waits for nothing; otherwise products of
/// each expert, for which the host reads the counts.
at::Tensor expert_products(const at::Tensor& x, const at::Tensor& experts, const at::Tensor& counts,
                           const at::Tensor& gate_up, const at::Tensor& down);

}  // namespace r1::kernels
