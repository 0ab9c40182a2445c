#pragma once
// Draws one token per row of logits; CPU by the fused kernel, other devices by plain ATen. (With
// CUDA kernels decode_slots.h draws.)
#include <ATen/core/Tensor.h>

#include <span>
#include <vector>

#include "kernels/cpu_sampling.h"

namespace r1::kernels {

/// logits [B, V] (any float dtype), one request per row. A draw depends on the row and its request
/// alone: inverse CDF in token order of the given uniform number, ties in top-k/top-p broken by
/// token number.
std::vector<SampledToken> sample(const at::Tensor& logits, std::span<const SampleRequest> requests);

/// Plain ATen form: the oracle of the kernels. All rows share temperature,
/// top_p and top_k.
std::vector<SampledToken> sample_reference(const at::Tensor& logits,
                                           std::span<const SampleRequest> requests);

}  // namespace r1::kernels
