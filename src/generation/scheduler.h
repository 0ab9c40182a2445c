#pragma once
// Which samples run: bookkeeping of sequences, their blocks, and the groups whose prompt is in the
// cache.
#include <cstdint>
#include <deque>
#include <vector>

#include "data/types.h"
#include "generation/kv_cache.h"

namespace r1::generation {

/// A completion in progress. blocks[i] holds tokens [i * block_size, (i + 1) * block_size) of
/// prompt + completion.
struct Sequence {
  std::size_t request = 0;
  std::size_t sample = 0;
  std::vector<std::int32_t> blocks;
  std::int64_t length = 0;  // tokens whose keys and values are in the cache or about to be
  data::Completion completion;
};

/// A prompt whose keys and values are in the cache and whose remaining samples wait for a slot.
struct PrefilledGroup {
  std::size_t request = 0;
  std::size_t next_sample = 0;
  std::vector<std::int32_t> blocks;
  std::int64_t length = 0;
  at::Tensor logits;  // [1, V] after the last prompt token: the first token of every sample is
                      // drawn from it
};

/// Blocks that `tokens` tokens need.
inline std::int64_t blocks_for(std::int64_t tokens, std::int64_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

/// Reserves for every running sample the blocks of its longest possible completion, so that a
/// running sample is never evicted. Full blocks of the prompt are shared; its partly filled last
/// block is copied for each sample.
class Scheduler {
 public:
  Scheduler(BlockAllocator& allocator, std::int64_t block_size, std::int64_t max_new_tokens)
      : allocator_(allocator), block_size_(block_size), max_new_tokens_(max_new_tokens) {}

  /// Blocks that one sample adds to its prompt's shared ones.
  std::int64_t own_blocks(std::int64_t prompt_length) const {
    return blocks_for(prompt_length + max_new_tokens_, block_size_) - prompt_length / block_size_;
  }
  bool can_prefill(std::int64_t prompt_length) const {
    return allocator_.num_free() >=
           blocks_for(prompt_length, block_size_) + own_blocks(prompt_length);
  }
  PrefilledGroup start_group(std::size_t request, std::int64_t prompt_length);
  bool can_start_sample(const PrefilledGroup& group) const {
    return allocator_.num_free() >= own_blocks(group.length);
  }
  /// A sample of the group with its blocks. If the prompt's last block is partly filled,
  /// `copy_from`/`copy_to` get the block to copy.
  Sequence start_sample(PrefilledGroup& group, std::vector<std::int64_t>& copy_from,
                        std::vector<std::int64_t>& copy_to);
  void release(const std::vector<std::int32_t>& blocks) {
    for (const auto block : blocks) allocator_.release(block);
  }

 private:
  BlockAllocator& allocator_;
  std::int64_t block_size_;
  std::int64_t max_new_tokens_;
};

}  // namespace r1::generation
