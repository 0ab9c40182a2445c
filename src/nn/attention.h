#pragma once
// Grouped-query attention over flat tokens: packed batches (training, scoring, prefill) or paged
// batches (decode).
#include "nn/attention_metadata.h"

namespace r1::nn {

/// query [T, H, Dh], key and value [T, K, Dh] (H a multiple of K) -> [T, H, Dh]. If the metadata
/// has a cache, writes key and value to layer `layer` of the cache. Scores are multiplied by
/// `scale`. The result has the dtype of the query; the softmax is fp32 (fp64 for fp64).
/// Differentiable for packed batches. Reference: Ainslie et al., arXiv 2305.13245 (grouped
/// queries); Kwon et al., arXiv 2309.06180 (paged cache).
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionMetadata& metadata, std::int64_t layer, double scale);

/// Attention of a packed batch, for layers that do not cache their keys and values directly
/// (nn/mla.h). query [T, H, Dk], key [N, K, Dk], value [N, K, Dv] -> [T, H, Dv]. N = T, or with
/// key_places the number of places: the caller reads keys and values from these places.
at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const PackedAttention& packed, double scale);
/// packed_attention by one call of torch's flash attention, for bf16 on a GPU.
at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const VariableLengths& lengths, double scale);
/// Keys or values [N, K, D] at places of a layer's cache [num_blocks, K, block_size, D].
at::Tensor read_cache(const at::Tensor& cache, const kernels::CachePlaces& places);
/// Attention of a paged batch. query [T, H, Dk], cached keys of width Dk, cached values of width
/// Dv, which may be a view of columns of the keys -> [T, H, Dv].
at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key_cache,
                           const at::Tensor& value_cache, const PagedAttention& paged,
                           double scale);

/// Plain ATen form of paged_attention, the reference of the kernels. The function makes
/// paged.gather if it is missing.
at::Tensor paged_attention_reference(const at::Tensor& query, const at::Tensor& key_cache,
                                     const at::Tensor& value_cache, const PagedAttention& paged,
                                     double scale);

/// The CPU kernel of paged_attention.
at::Tensor paged_attention_cpu(const at::Tensor& query, const at::Tensor& key_cache,
                               const at::Tensor& value_cache, const PagedAttention& paged,
                               double scale);

}  // namespace r1::nn
