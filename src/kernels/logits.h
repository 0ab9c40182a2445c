#pragma once
// Logits from hidden states, as precise as probabilities need.
//
// A bfloat16 logit of 16 has steps of 0.125. Generator and trainer have hidden states that differ
// by rounding, so with bfloat16 logits their probabilities would differ by several per cent. Logits
// of bfloat16 weights are therefore fp32. On accelerators the matrix product is accumulated and
// written in fp32. On the CPU the matrix product is bfloat16, and the logits of each row's
// likeliest ids are computed again in fp32. Generation and training both call these functions.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// out [T, V] = hidden [T, D] x head_weight [V, D]^T, without autograd. out: fp32 for bf16 and fp32
/// weights, fp64 for fp64 weights (statistics_dtype). hidden: in the weight's dtype. `narrow` [T,
/// V] in the weight's dtype is working memory, needed only for bf16 on the CPU.
void form_logits(at::Tensor& out, const at::Tensor& hidden, const at::Tensor& head_weight,
                 at::Tensor& narrow);

/// Computes the logits into new memory.
at::Tensor form_logits(const at::Tensor& hidden, const at::Tensor& head_weight);

/// How many rows of logits, each of row_bytes (at least 1), a chunk should have: a CPU's chunk
/// stays in its caches, a GPU's chunk fills the device.
std::int64_t logit_rows_at_once(const at::Tensor& head_weight, std::int64_t row_bytes);

/// Whether form_logits needs `narrow`.
bool needs_narrow_logits(const at::Tensor& head_weight);

}  // namespace r1::kernels
