#pragma once
// Logits from hidden states, with the digits that a probability needs.
//
// A bfloat16 logit of 16 has steps of 0.125, so that a generator and a trainer whose hidden states
// differ by rounding would disagree on probabilities by several per cent. Logits of bfloat16
// weights are therefore fp32: on accelerators the product is accumulated and written in fp32, on
// the CPU a bfloat16 product is formed and the entries of each row's likeliest ids are formed again
// in fp32. Generation and training both call this.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// out [T, V] = hidden [T, D] x head_weight [V, D]^T, without autograd. out: fp32 for bf16 and fp32
/// weights, fp64 for fp64 ones (statistics_dtype); hidden has the weight's dtype. `narrow` [T, V]
/// in the weight's dtype is working memory, needed on the CPU for bf16 only.
void form_logits(at::Tensor& out, const at::Tensor& hidden, const at::Tensor& head_weight,
                 at::Tensor& narrow);

/// The same into new memory.
at::Tensor form_logits(const at::Tensor& hidden, const at::Tensor& head_weight);

/// Whether form_logits needs `narrow`.
bool needs_narrow_logits(const at::Tensor& head_weight);

}  // namespace r1::kernels
