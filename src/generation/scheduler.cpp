#include "generation/scheduler.h"

namespace r1::generation {

PrefilledGroup Scheduler::start_group(std::size_t request, std::int64_t prompt_length) {
  PrefilledGroup group;
  group.request = request;
  group.length = prompt_length;
  for (std::int64_t i = 0; i < blocks_for(prompt_length, block_size_); ++i)
    group.blocks.push_back(allocator_.allocate());
  return group;
}

Sequence Scheduler::start_sample(PrefilledGroup& group, std::vector<std::int64_t>& copy_from,
                                 std::vector<std::int64_t>& copy_to) {
  Sequence sequence;
  sequence.request = group.request;
  sequence.sample = group.next_sample++;
  sequence.length = group.length;
  const auto shared = static_cast<std::size_t>(group.length / block_size_);
  for (std::size_t i = 0; i < shared; ++i) {
    allocator_.retain(group.blocks[i]);
    sequence.blocks.push_back(group.blocks[i]);
  }
  for (std::int64_t i = 0; i < own_blocks(group.length); ++i)
    sequence.blocks.push_back(allocator_.allocate());
  if (group.length % block_size_ != 0) {
    copy_from.push_back(group.blocks[shared]);
    copy_to.push_back(sequence.blocks[shared]);
  }
  return sequence;
}

}  // namespace r1::generation
