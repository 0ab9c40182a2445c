#pragma once
// Attention of a decode batch: each token is the newest of its sequence and attends to the keys and
// values that the paged cache holds of this sequence. Reference: Kwon et al., arXiv 2309.06180.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace r1::kernels {

/// The index and mask with which plain ATen reads a cache of K heads, equal for all layers.
struct PagedGather {
  at::Tensor rows;  // int64 [T * K * max_blocks]: block * K + head, head by head of each sequence
  at::Tensor mask;  // additive [T, 1, 1, max_blocks * block_size], in the compute dtype
};
PagedGather make_paged_gather(const at::Tensor& block_table, const at::Tensor& context_lengths,
                              std::int64_t num_kv_heads, std::int64_t block_size,
                              at::ScalarType dtype);

/// A decode batch: every token is the newest token of a cached sequence.
struct PagedAttention {
  at::Tensor block_table;             // int32 [T, max_blocks]
  at::Tensor context_lengths;         // int32 [T], including the token itself
  std::optional<PagedGather> gather;  // for the plain form, which makes it if it is missing
  at::Tensor counters;                // of the CUDA kernel (decode_attention.h)
};

/// How paged_attention computes: by a CUDA kernel that is split over the context
/// (decode_attention.h) and can be recorded in a graph; by loops on a CPU (cpu_paged_attention.h);
/// or by plain ATen through `gather`. The cost of the last grows with the width of the block table,
/// which a caller therefore narrows to the longest context.
enum class PagedAttentionForm { CudaKernel, CpuLoops, Gather };

/// `group`: query heads per KV head.
PagedAttentionForm paged_attention_form(const at::Tensor& key_cache, const at::Tensor& value_cache,
                                        std::int64_t group);

/// query [T, H, Dk], key_cache [num_blocks, K, block_size, Dk], value_cache [num_blocks, K,
/// block_size, Dv], which may be a view of columns of the keys -> [T, H, Dv]. Scores are multiplied
/// by `scale`. The softmax is fp32 (fp64 for fp64). Not differentiable. Chooses its form by
/// paged_attention_form.
at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key_cache,
                           const at::Tensor& value_cache, const PagedAttention& paged,
                           double scale);

/// The plain ATen form, the reference of the kernels. The function makes paged.gather if it is
/// missing.
at::Tensor paged_attention_reference(const at::Tensor& query, const at::Tensor& key_cache,
                                     const at::Tensor& value_cache, const PagedAttention& paged,
                                     double scale);

/// The form of CPUs.
at::Tensor paged_attention_cpu(const at::Tensor& query, const at::Tensor& key_cache,
                               const at::Tensor& value_cache, const PagedAttention& paged,
                               double scale);

}  // namespace r1::kernels
