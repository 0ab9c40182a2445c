#pragma once
// Grouped-query attention over flat tokens: packed (training, scoring, prefill) or paged (decode).
#include "nn/attention_metadata.h"

namespace r1::nn {

/// query [T, H, Dh], key and value [T, K, Dh] (H a multiple of K) -> [T, H, Dh]. Writes key and
/// value into layer `layer` of the metadata's cache, if there is one. Scores are scaled by `scale`.
/// dtype: as given, softmax in fp32 (fp64 for fp64). Differentiable for packed batches. Reference:
/// Ainslie et al., arXiv 2305.13245 (grouped queries); Kwon et al., arXiv 2309.06180 (paged cache).
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionMetadata& metadata, std::int64_t layer, double scale);

/// The parts of attention(), for layers that cache something else than their keys and values
/// (nn/mla.h).
/// query [T, H, Dk], key [N, K, Dk], value [N, K, Dv] -> [T, H, Dv]. N = T, or, with key_places,
/// the number of those: callers read the keys and values from there.
at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const PackedAttention& packed, double scale);
/// The same by one call of torch's flash attention: bf16 on a GPU.
at::Tensor flash_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                           const VariableLengths& lengths, double scale);
/// Keys or values [N, K, D] at places of a layer's cache [num_blocks, K, block_size, D].
at::Tensor read_cache(const at::Tensor& cache, const kernels::CachePlaces& places);
/// query [T, H, Dk] over cached keys (width Dk) and values (width Dv; may be a view of columns of
/// the keys) -> [T, H, Dv].
at::Tensor paged_attention(const at::Tensor& query, const at::Tensor& key_cache,
                           const at::Tensor& value_cache, const PagedAttention& paged,
                           double scale);

/// Plain ATen form of the paged case: the oracle of the kernels (with paged.gather, which is made
/// here where it is missing).
at::Tensor paged_attention_reference(const at::Tensor& query, const at::Tensor& key_cache,
                                     const at::Tensor& value_cache, const PagedAttention& paged,
                                     double scale);

/// The CPU kernel of the paged case.
at::Tensor paged_attention_cpu(const at::Tensor& query, const at::Tensor& key_cache,
                               const at::Tensor& value_cache, const PagedAttention& paged,
                               double scale);

}  // namespace r1::nn
