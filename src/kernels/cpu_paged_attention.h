#pragma once
// Attention of single query tokens over a paged KV cache on the CPU, for decode and for prefill
// after a cached prefix: the loops of kernels::paged_attention_cpu.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Elements between neighbouring blocks, heads and tokens of a cache. The values of one token and
/// head are contiguous.
struct CacheStrides {
  std::int64_t block, head, token;
};

/// Shapes: query [rows, num_heads, key_dim], output [rows, num_heads, value_dim]; key_cache
/// [num_blocks, num_kv_heads, block_size, key_dim]; value_cache [num_blocks, num_kv_heads,
/// block_size, value_dim], which may view columns of the keys; block_table [rows, max_blocks];
/// context_lengths [rows]: the number of cached tokens that the row attends to, including the row's
/// own token.
template <class T>
struct PagedAttentionArguments {
  const T* query;
  const T* key_cache;
  const T* value_cache;
  T* output;
  const std::int32_t* block_table;
  const std::int32_t* context_lengths;
  CacheStrides key_strides, value_strides;
  std::int64_t max_blocks, block_size, num_heads, num_kv_heads, key_dim, value_dim;
  double scale;  // factor of the scores, usually 1/sqrt(key_dim)
};

/// Computes the (row, KV head) pairs [begin, end) of rows * num_kv_heads. `scratch` has at least
/// (num_heads / num_kv_heads) * (longest context + value_dim) values. Softmax and sums are in
/// Accumulator<T>.
template <class T>
void paged_attention_pairs(const PagedAttentionArguments<T>& arguments, Accumulator<T>* scratch,
                           std::int64_t begin, std::int64_t end);

}  // namespace r1::kernels
