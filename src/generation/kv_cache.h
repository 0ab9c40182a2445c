#pragma once
// The memory of the paged KV cache, in blocks of tokens (block_pool.h says who holds which).
#include <cstdint>
#include <vector>

#include "models/model.h"
#include "nn/attention_metadata.h"

namespace r1::generation {

/// Zero-filled keys and values of all layers, [num_blocks, K, block_size, key_dim or value_dim].
nn::KvCache make_kv_cache(const models::CacheLayout& layout, std::int64_t num_blocks,
                          std::int64_t block_size, at::ScalarType dtype, at::Device device);

/// Copies whole blocks in all layers (a prompt's last, partly filled block, for each sample but
/// one).
void copy_blocks(nn::KvCache& cache, const std::vector<std::int64_t>& from,
                 const std::vector<std::int64_t>& to);

}  // namespace r1::generation
