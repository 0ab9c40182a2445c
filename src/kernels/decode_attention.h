#pragma once
// Attention of single query tokens over a paged cache on GPUs, split over the context (flash
// decoding): a form of kernels::paged_attention, which chooses it.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// Whether the CUDA kernel accepts caches [num_blocks, K, block_size, Dh] with `group` query heads
/// per KV head. The kernel accepts fp32 and bf16, keys and values of one width up to 256, and
/// groups of up to 16 heads.
bool takes_decode_attention(const at::Tensor& key_cache, const at::Tensor& value_cache,
                            std::int64_t group);

/// query [T, H, Dh] -> [T, H, Dh]. Scores are multiplied by `scale`; the softmax is fp32.
/// block_table: int32 [T, W] with contiguous rows. context_lengths: int32 [T], each at least 1.
/// counters: int32 [>= T K] zeros, working memory that the kernel resets to zeros, so that
/// consecutive launches share the counters.
at::Tensor decode_attention(const at::Tensor& query, const at::Tensor& key_cache,
                            const at::Tensor& value_cache, const at::Tensor& block_table,
                            const at::Tensor& context_lengths, const at::Tensor& counters,
                            double scale);

}  // namespace r1::kernels
