#pragma once
// The paged KV cache: memory in blocks of tokens, shared between the samples of a prompt by
// reference counts.
#include <cstdint>
#include <vector>

#include "models/model.h"
#include "nn/attention_metadata.h"

namespace r1::generation {

/// Hands out blocks of the cache. A block is free again when its last holder released it.
class BlockAllocator {
 public:
  explicit BlockAllocator(std::int64_t num_blocks);
  std::int64_t num_free() const { return static_cast<std::int64_t>(free_.size()); }
  /// A block held once. Callers check num_free() first.
  std::int32_t allocate();
  void retain(std::int32_t block);
  void release(std::int32_t block);

 private:
  std::vector<std::int32_t> free_;
  std::vector<std::int32_t> holders_;
};

/// Zero-filled keys and values of all layers, [num_blocks, K, block_size, key_dim or value_dim].
nn::KvCache make_kv_cache(const models::CacheLayout& layout, std::int64_t num_blocks,
                          std::int64_t block_size, at::ScalarType dtype, at::Device device);

/// Copies whole blocks in all layers (a prompt's last, partly filled block, once per sample).
void copy_blocks(nn::KvCache& cache, const std::vector<std::int64_t>& from,
                 const std::vector<std::int64_t>& to);

}  // namespace r1::generation
