#pragma once
// Attention of single query tokens over a paged KV cache on the CPU (decode, and prefill behind a
// cached prefix). Its plain ATen reference is nn::paged_attention_reference.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Shapes: query and output [rows, num_heads, head_dim]; caches [num_blocks, num_kv_heads,
/// block_size, head_dim]; block_table [rows, max_blocks]; context_lengths [rows]: cached tokens
/// that the row attends to, its own included.
template <class T>
struct PagedAttentionArguments {
  const T* query;
  const T* key_cache;
  const T* value_cache;
  T* output;
  const std::int32_t* block_table;
  const std::int32_t* context_lengths;
  std::int64_t max_blocks, block_size, num_heads, num_kv_heads, head_dim;
  double scale;  // of the scores, 1/sqrt(head_dim) as a rule
};

/// Computes the (row, kv head) pairs [begin, end) of rows * num_kv_heads. `scratch`: >= (num_heads
/// / num_kv_heads) * (longest context + head_dim) values. Softmax and sums in Accumulator<T>.
template <class T>
void paged_attention_pairs(const PagedAttentionArguments<T>& arguments, Accumulator<T>* scratch,
                           std::int64_t begin, std::int64_t end);

}  // namespace r1::kernels
