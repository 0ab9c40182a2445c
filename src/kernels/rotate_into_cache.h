#pragma once
// What decode does between the product of queries, keys and values and the attention: the norm of
// each head where a model has one, rotation, and the keys and values into the cache.
#include <ATen/core/Tensor.h>

#include "kernels/rope.h"

namespace r1::kernels {

/// Weights [Dh] of the norm of every query's and key's head; undefined: none.
struct HeadNorms {
  at::Tensor query, key;
  double epsilon = 0.0;
};

/// Places in a cache [num_blocks, K, block_size, Dh], one a row.
struct CachePlaces {
  at::Tensor blocks, offsets;  // int64 [T]
};

/// qkv [T, (H + 2K) * Dh] -> queries [T, H, Dh], normed and rotated; normed and rotated keys and
/// the values go to their places in the caches, which say K and Dh. One CUDA kernel for fp32 and
/// bf16 on GPUs, else the plain form. Without autograd.
at::Tensor rotate_into_cache(const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms,
                             at::Tensor key_cache, at::Tensor value_cache,
                             const CachePlaces& places);

/// The same by the doors of the single operations.
at::Tensor rotate_into_cache_reference(const at::Tensor& qkv, const RopeTable& table,
                                       const HeadNorms& norms, at::Tensor key_cache,
                                       at::Tensor value_cache, const CachePlaces& places);

/// Queries, keys and values of fused rows, [T, H, Dh] and [T, K, Dh], queries and keys normed and
/// rotated. Differentiable.
std::tuple<at::Tensor, at::Tensor, at::Tensor> split_norm_and_rotate(
    const at::Tensor& qkv, const RopeTable& table, const HeadNorms& norms, std::int64_t num_heads,
    std::int64_t num_kv_heads, std::int64_t head_dim);

/// Writes x [T, K, width] to its places in a cache.
void write_cache(at::Tensor cache, const at::Tensor& x, const CachePlaces& places);

}  // namespace r1::kernels
