#pragma once
// Grouped-query attention over flat tokens: packed batches (training, scoring, prefill) or paged
// batches (decode).
#include "nn/activation_checkpoint.h"
#include "nn/attention_metadata.h"

namespace r1::nn {

/// query [T, H, Dh], key and value [T, K, Dh] (H a multiple of K) -> [T, H, Dh]. If the metadata
/// has a cache, writes key and value to layer `layer` of the cache. Scores are multiplied by
/// `scale`. The result has the dtype of the query; the softmax is fp32 (fp64 for fp64).
/// Differentiable for packed batches. Reference: Ainslie et al., arXiv 2305.13245 (grouped
/// queries); Kwon et al., arXiv 2309.06180 (paged cache).
at::Tensor attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                     const AttentionMetadata& metadata, std::int64_t layer, double scale);

/// The rows of all ranks of a context axis: x [n, K, D], n equal on all ranks -> [ranks * n, K, D],
/// one rank's rows behind another's. The gradient of a row is the sum of all ranks' gradients.
/// Collective over: ranks.
at::Tensor rows_of_all_ranks(const at::Tensor& x, parallel::Communicator& ranks);

/// function(inputs), of which only the inputs are kept for the backward pass: the keys and values
/// of a whole sequence would otherwise be kept on every rank of a context axis. As checkpointed.
std::vector<at::Tensor> kept_small(const TensorFunction& function,
                                   const std::vector<at::Tensor>& inputs);

/// Keys or values [N, K, D] at places of a layer's cache [num_blocks, K, block_size, D].
at::Tensor read_cache(const at::Tensor& cache, const kernels::CachePlaces& places);

}  // namespace r1::nn
