#include "generation/scheduler.h"

namespace r1::generation {

void Scheduler::allocate(std::int64_t count, std::vector<std::int32_t>& blocks) {
  for (std::int64_t i = 0; i < count; ++i) blocks.push_back(allocator_.allocate());
}

PrefilledGroup Scheduler::start_group(WaitingPrompt waiting) {
  PrefilledGroup group{std::move(waiting.prompt), std::move(waiting.samples), {}, {}};
  allocate(blocks_for(group.length(), block_size_), group.blocks);
  return group;
}

Sequence Scheduler::start_sample(PrefilledGroup& group, std::vector<std::int64_t>& copy_from,
                                 std::vector<std::int64_t>& copy_to) {
  Sequence sequence;
  sequence.prompt = group.prompt;
  sequence.start = group.samples.front();
  sequence.length = group.length();
  group.samples.pop_front();
  const auto shared = static_cast<std::size_t>(group.length() / block_size_);
  for (std::size_t i = 0; i < shared; ++i) {
    allocator_.retain(group.blocks[i]);
    sequence.blocks.push_back(group.blocks[i]);
  }
  allocate(own_blocks(group.length()), sequence.blocks);
  if (group.length() % block_size_ != 0) {
    copy_from.push_back(group.blocks[shared]);
    copy_to.push_back(sequence.blocks[shared]);
  }
  return sequence;
}

void Scheduler::resume(Sequence& sequence) {
  allocate(all_blocks(static_cast<std::int64_t>(sequence.prompt->size())), sequence.blocks);
}

}  // namespace r1::generation
