#pragma once
// The operations of decode between the products and the attention of multi-head latent attention:
// the norm of the latent, rotary positions, and the write to the cache.
//
// Shape letters: T tokens, H heads, R latent width, N and P widths of the part of a head without
// and with rotary positions.
#include <ATen/core/Tensor.h>

#include "kernels/rope.h"
#include "kernels/rotate_into_cache.h"

namespace r1::kernels {

/// The norm of latents: weight [R].
struct LatentNorm {
  at::Tensor weight;
  double epsilon = 0.0;
};

/// queries [T, H, N + P], latents [T, R + P] -> [T, H, R + P], whose last P columns are the rotated
/// rotary parts of the queries and whose first R columns the caller fills. Writes [normed latent,
/// rotated key] to the places in the cache [num_blocks, 1, block_size, R + P]. `interleaved` as in
/// rotate(). One CUDA kernel for fp32 and bf16 on GPUs, else the plain form. Records no gradients.
/// Reference: DeepSeek-V2, arXiv 2405.04434, section 2.1.
at::Tensor latents_into_cache(const at::Tensor& queries, const at::Tensor& latents,
                              const LatentNorm& norm, const RopeTable& table, bool interleaved,
                              at::Tensor cache, const CachePlaces& places);

/// Computes latents_into_cache by the functions of the single operations.
at::Tensor latents_into_cache_reference(const at::Tensor& queries, const at::Tensor& latents,
                                        const LatentNorm& norm, const RopeTable& table,
                                        bool interleaved, at::Tensor cache,
                                        const CachePlaces& places);

}  // namespace r1::kernels
