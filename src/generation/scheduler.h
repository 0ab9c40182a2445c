#pragma once
// Which samples run: bookkeeping of sequences, their blocks, and the groups whose prompt is in the
// cache.
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "data/types.h"
#include "generation/balancer.h"
#include "generation/kv_cache.h"

namespace r1::generation {

/// The tokens of a prompt, held by all that is left of its samples.
using PromptIds = std::shared_ptr<const std::vector<data::TokenId>>;

/// A sample that has not begun.
struct SampleStart {
  SampleOrigin origin;
  std::uint64_t seed = 0;
};

/// A prompt that is not in the cache, and its samples.
struct WaitingPrompt {
  PromptIds prompt;
  std::deque<SampleStart> samples;

  std::int64_t length() const { return static_cast<std::int64_t>(prompt->size()); }
};

/// A completion in progress. blocks[i] holds tokens [i * block_size, (i + 1) * block_size) of
/// prompt + completion.
struct Sequence {
  PromptIds prompt;
  SampleStart start;
  std::vector<std::int32_t> blocks;
  std::int64_t length = 0;  // tokens whose keys and values are in the cache
  data::Completion completion;
  std::int64_t slot = -1;     // of the decode batch; -1: none yet
  std::int64_t launched = 0;  // tokens that are drawn or whose step is on its way
};

/// A prompt whose keys and values are in the cache and whose remaining samples wait for a slot.
struct PrefilledGroup {
  PromptIds prompt;
  std::deque<SampleStart> samples;
  std::vector<std::int32_t> blocks;
  at::Tensor logits;  // [1, V] after the last prompt token: the first token of every sample is
                      // drawn from it

  std::int64_t length() const { return static_cast<std::int64_t>(prompt->size()); }
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

  /// Blocks of a sample that shares none.
  std::int64_t all_blocks(std::int64_t prompt_length) const {
    return blocks_for(prompt_length + max_new_tokens_, block_size_);
  }
  /// Blocks that one sample adds to its prompt's shared ones.
  std::int64_t own_blocks(std::int64_t prompt_length) const {
    return all_blocks(prompt_length) - prompt_length / block_size_;
  }
  bool can_prefill(std::int64_t prompt_length) const {
    return allocator_.num_free() >=
           blocks_for(prompt_length, block_size_) + own_blocks(prompt_length);
  }
  PrefilledGroup start_group(WaitingPrompt waiting);
  bool can_start_sample(const PrefilledGroup& group) const {
    return allocator_.num_free() >= own_blocks(group.length());
  }
  /// The group's next sample with its blocks. If the prompt's last block is partly filled,
  /// `copy_from`/`copy_to` get the block to copy.
  Sequence start_sample(PrefilledGroup& group, std::vector<std::int64_t>& copy_from,
                        std::vector<std::int64_t>& copy_to);
  bool can_resume(const Sequence& sequence) const {
    return allocator_.num_free() >= all_blocks(static_cast<std::int64_t>(sequence.prompt->size()));
  }
  /// Gives blocks to a sequence that another engine began.
  void resume(Sequence& sequence);
  void release(const std::vector<std::int32_t>& blocks) {
    for (const auto block : blocks) allocator_.release(block);
  }

 private:
  void allocate(std::int64_t count, std::vector<std::int32_t>& blocks);

  BlockAllocator& allocator_;
  std::int64_t block_size_;
  std::int64_t max_new_tokens_;
};

}  // namespace r1::generation
