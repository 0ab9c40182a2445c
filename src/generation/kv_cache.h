#pragma once
// The memory of the paged KV cache, in blocks of tokens (block_pool.h says who holds which).
#include <cstdint>
#include <vector>

#include "models/model.h"
#include "nn/attention_metadata.h"

namespace r1::generation {

/// Zero-filled keys and values of all layers, [num_blocks, K, block_size, key_dim or value_dim].
/// `decisions`: router decisions per token that are recorded; 0: none.
nn::KvCache make_kv_cache(const models::CacheLayout& layout, std::int64_t num_blocks,
                          std::int64_t block_size, at::ScalarType dtype, at::Device device,
                          std::int64_t decisions);

/// Runs the model over the input, whose keys and values go to the input's cache, and the decisions
/// of its routers with them if the cache records them. Returns the hidden states. The host does not
/// wait.
at::Tensor forward_into_cache(const models::Model& model, models::ModelInput& input);

/// The decisions of the tokens [begin, end) of a sequence in `blocks`, int16 [end - begin,
/// decisions] on the host. On a rank of the tensor axis the cache has the decisions of a part of
/// the tokens; the result has all. Waits for the device. Collective over: the tensor axis.
at::Tensor cached_decisions(const models::Model& model, const nn::KvCache& cache,
                            const std::vector<std::int32_t>& blocks, std::int64_t begin,
                            std::int64_t end);

/// Copies whole blocks in all layers (a prompt's last, partly filled block, for each sample but
/// one).
void copy_blocks(nn::KvCache& cache, const std::vector<std::int64_t>& from,
                 const std::vector<std::int64_t>& to);

}  // namespace r1::generation
