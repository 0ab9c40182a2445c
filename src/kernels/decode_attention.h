#pragma once
// Attention of single query tokens over a paged cache on GPUs, split over the context. The CPU's
// form is cpu_paged_attention.h, the plain one nn::paged_attention_reference.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// Whether the CUDA kernel takes such caches [num_blocks, K, block_size, Dh] with `group` query
/// heads a KV head: fp32 or bf16, keys and values of one width up to 256, up to 16 heads.
bool takes_decode_attention(const at::Tensor& key_cache, const at::Tensor& value_cache,
                            std::int64_t group);

/// query [T, H, Dh] -> [T, H, Dh], scores scaled by `scale`, softmax in fp32. block_table int32
/// [T, W], its rows contiguous; context_lengths int32 [T], each at least 1. counters: int32 [>= T
/// K] zeros, which the kernel leaves behind as zeros (working memory of launches one after
/// another).
at::Tensor decode_attention(const at::Tensor& query, const at::Tensor& key_cache,
                            const at::Tensor& value_cache, const at::Tensor& block_table,
                            const at::Tensor& context_lengths, const at::Tensor& counters,
                            double scale);

}  // namespace r1::kernels
