#pragma once
// Attention of single query tokens over a paged cache on GPUs, split over the context (flash
// decoding): a form of kernels::paged_attention, which chooses it.
#include <ATen/core/Tensor.h>

#include <cstdint>

namespace r1::kernels {

/// Whether the CUDA kernel accepts caches [num_blocks, K, block_size, Dh] with `group` query heads
/// per KV head. The kernel accepts fp32 and bf16, keys and values of one even width up to 256, and
/// groups of up to 16 heads. For latents in bf16, whose values are a view of the first 512 of a
/// key's 576 columns, a group has up to 16 heads or a multiple of 16.
bool takes_decode_attention(const at::Tensor& key_cache, const at::Tensor& value_cache,
                            std::int64_t group);

/// Numbers of `counters` for T rows of H heads over K KV heads.
std::int64_t decode_attention_counters(std::int64_t rows, std::int64_t heads,
                                       std::int64_t num_kv_heads);

/// query [T, H, Dk] -> [T, H, Dv]. Scores are multiplied by `scale`; the softmax is fp32.
/// block_table: int32 [T, W] with contiguous rows. context_lengths: int32 [T], each at least 1.
/// counters: int32 zeros, at least decode_attention_counters(), working memory that the kernel
/// resets to zeros, so that consecutive launches share the counters.
at::Tensor decode_attention(const at::Tensor& query, const at::Tensor& key_cache,
                            const at::Tensor& value_cache, const at::Tensor& block_table,
                            const at::Tensor& context_lengths, const at::Tensor& counters,
                            double scale);

}  // namespace r1::kernels
