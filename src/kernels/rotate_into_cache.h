#pragma once
// The operations of decode between the fused query-key-value product and the attention: the norm of
// each head if the model has one, rotary positions, and the writes of keys and values to the cache.
#include <ATen/core/Tensor.h>

#include "kernels/rope.h"

namespace r1::kernels {

/// Weights [Dh] of the norms of all query heads and of all key heads; undefined: no norm.
struct HeadNorms {
  at::Tensor query, key;
  double epsilon = 0.0;
};

/// Places in a cache [num_blocks, K, block_size, Dh], one place per row.
struct CachePlaces {
  at::Tensor blocks, offsets;  // int64 [T]
};

/// qkv [T, (H + 2K) * Dh] -> normed and rotated queries [T, H, Dh]. Writes the normed and rotated
/// keys and the values to their places in the caches; the shape of the caches gives K and Dh. One
/// CUDA kernel for fp32 and bf16 on GPUs, else the plain form. Records no gradients.
at::Tensor rotate_into_cache(const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms,
                             at::Tensor key_cache, at::Tensor value_cache,
                             const CachePlaces& places);

/// Computes rotate_into_cache by the functions of the single operations.
at::Tensor rotate_into_cache_reference(const at::Tensor& qkv, const RopeTable& table,
                                       const HeadNorms& norms, at::Tensor key_cache,
                                       at::Tensor value_cache, const CachePlaces& places);

/// Splits fused rows into queries [T, H, Dh], keys [T, K, Dh] and values [T, K, Dh]; norms and
/// rotates the queries and the keys. Differentiable.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_norm_and_rotate(
    const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms, std::int64_t num_heads,
    std::int64_t num_kv_heads, std::int64_t head_dim);

/// Writes x [T, K, width] to the places in a cache, without gradients.
void write_cache(at::Tensor cache, const at::Tensor& x, const CachePlaces& places);

}  // namespace r1::kernels
