#pragma once
// Draws one token per row of logits: by the fused kernel on the CPU, by ATen operations on other
// devices. Decode on a GPU with the CUDA kernels draws through decode_slots.h instead.
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/cpu_sampling.h"

namespace r1::kernels {

/// logits [B, V] of any float dtype, one request per row. A draw depends only on the row and the
/// row's request: the function inverts the CDF, in token order, at the request's uniform number.
/// Ties in top-k and top-p are broken by token number.
std::vector<SampledToken> sample(const at::Tensor& logits, std::span<const SampleRequest> requests);

/// Plain ATen form, the reference of the kernels. All rows share temperature, top_p and top_k.
std::vector<SampledToken> sample_reference(const at::Tensor& logits,
                                           std::span<const SampleRequest> requests);

}  // namespace r1::kernels
