#pragma once
// The slots of an engine and the decode step over them. Where a sequence stands lives in tensors on
// the model's device; a step feeds every slot its token, draws the next one and advances the slot
// there. On a GPU with the project's kernels a step is one CUDA graph for each number of rows, and
// the host reads what a step drew while the next one runs.
#include <deque>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "generation/engine.h"
#include "generation/options.h"
#include "kernels/cuda_graph.h"
#include "kernels/decode_slots.h"
#include "kernels/paged_attention.h"
#include "models/model.h"
#include "tensor/host_memory.h"

namespace r1::generation {

/// What a slot is filled with (kernels/decode_slots.h).
struct SlotContent {
  std::int64_t slot = 0;
  std::int64_t token = 0, position = 0;
  std::uint64_t seed = 0;
  std::int64_t drawn = 0, limit = 0;
  std::vector<std::int32_t> blocks;
};

class DecodeBatch {
 public:
  /// `num_slots` slots at least, of up to `table_width` blocks each; idle ones write into
  /// `spare_block` of the cache. What is passed by reference outlives the batch.
  DecodeBatch(const models::Model& model, nn::KvCache& cache, const EngineOptions& options,
              std::int64_t num_slots, std::int64_t table_width, std::int64_t spare_block);

  bool holds(std::int64_t num_slots, std::int64_t table_width) const;
  /// All slots idle, other rules for what follows. Graphs stay where the weights are where they
  /// were.
  void begin(const SamplingOptions& sampling, const StopRules& stop);

  /// Steps that run behind what collect() has returned while the host works: 0 or 1.
  std::int64_t depth() const { return uses_graphs_ ? 1 : 0; }
  /// Rows that a step over the first `num_slots` slots computes.
  std::int64_t rows_for(std::int64_t num_slots) const;

  // Changes of slots, in order, before what is launched next.
  void fill(SlotContent content);
  /// One more block of a slot's sequence, which has `number` so far. The steps on their way do not
  /// see the block: a slot has the blocks of a step, and that of the token after it, before
  /// launch().
  void add_block(std::int64_t slot, std::int64_t number, std::int32_t block);
  void clear(std::int64_t slot);
  void move(std::int64_t from, std::int64_t to);

  /// Draws a token from each row of logits for the slot of that number: fp64 [kNumDrawOutputs, R]
  /// on the host (kernels/decode_slots.h). Waits for the device.
  at::Tensor draw(const at::Tensor& logits, const std::vector<std::int64_t>& slots);
  /// One decode step over the first `rows` slots, which is rows_for() of something. `longest`:
  /// tokens of the longest context. Collective over: the model's axes.
  void launch(std::int64_t rows, std::int64_t longest);
  /// What the oldest launched step drew that was not collected yet: as draw().
  at::Tensor collect();

 private:
  /// A block of a slot that has other blocks already.
  struct AddedBlock {
    std::int64_t slot = 0, number = 0, block = 0;
  };

  at::TensorOptions on_device(at::ScalarType dtype) const;
  at::Tensor to_device(const at::Tensor& host) const;
  void flush();
  void flush_added_blocks();
  void drop_moved_graphs();
  void step(std::int64_t rows, std::int64_t longest);
  const kernels::CudaGraph& graph_for(std::int64_t rows);

  const models::Model& model_;
  nn::KvCache& cache_;
  kernels::PagedAttentionForm attention_form_;
  bool uses_graphs_;
  kernels::DecodeSlots slots_;
  kernels::DrawRules rules_;
  at::Tensor outputs_;   // fp64 [kNumDrawOutputs, S], of the newest step
  at::Tensor counters_;  // of the attention kernel
  std::vector<SlotContent> changes_;
  std::vector<AddedBlock> added_blocks_;
  std::deque<tensor::HostCopy> launched_;              // outputs of steps, oldest first
  std::vector<const void*> weights_;                   // where the graphs expect them
  std::map<std::int64_t, kernels::CudaGraph> graphs_;  // by rows
};

}  // namespace r1::generation
