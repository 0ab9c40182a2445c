#pragma once
// One Engine::generate() call: prompts become groups in the cache, groups become running sequences,
// sequences become completions; at the balancer's intervals some of them move to other engines.
#include <functional>

#include "generation/decode_batch.h"
#include "generation/engine.h"
#include "generation/scheduler.h"
#include "models/lockstep.h"

namespace r1::generation {

/// The paged cache of an engine, one block longer than what is handed out, for slots without a
/// sample; and the slots.
struct CacheMemory {
  CacheMemory(const models::Model& model, std::int64_t num_blocks, std::int64_t block_size)
      : allocator(num_blocks),
        num_blocks(num_blocks),
        cache(make_kv_cache(model.cache_layout(), num_blocks + 1, block_size, model.dtype(),
                            model.device())) {}
  BlockAllocator allocator;
  std::int64_t num_blocks;
  nn::KvCache cache;
  std::unique_ptr<DecodeBatch> batch;
};

class GenerationRun final : public SamplePool {
 public:
  /// What is passed by reference outlives it. `balancer` null: nothing moves.
  GenerationRun(const models::Model& model, const EngineOptions& options, CacheMemory& memory,
                std::span<const Request> requests, const SamplingOptions& sampling,
                const StopRules& stop, Balancer* balancer);

  /// As Engine::generate returns them.
  std::vector<std::vector<data::Completion>> run(const std::function<void()>& on_step);
  const GenerationStatistics& statistics() const { return statistics_; }

  EngineLoad load() const override;
  std::vector<MovedSample> give(std::int64_t waiting, std::int64_t running) override;
  void take(std::vector<MovedSample> samples) override;

 private:
  /// Sequences side by side, on their way into the cache.
  struct PackedTokens {
    std::vector<nn::Segment> segments;
    std::vector<std::int64_t> tokens, positions, blocks, offsets;
    std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
  };

  void decode_until(std::int64_t last_step, const std::function<void()>& on_step);
  std::int64_t free_slots() const;
  void admit();
  void resume();
  bool start_samples();
  bool prefill();
  void decode();
  void compact();
  bool anyone_needs_more() const;
  void collect_step();
  void collect_all();
  /// Adds a sequence that starts at position 0.
  void pack(PackedTokens& batch, std::span<const data::TokenId> ids,
            const std::vector<std::int32_t>& blocks) const;
  void add_place(PackedTokens& batch, const std::vector<std::int32_t>& blocks,
                 std::int64_t position) const;
  bool fits(const PackedTokens& batch, std::int64_t more_tokens) const;
  at::Tensor prefill_pass(const PackedTokens& batch);
  at::Tensor last_logits(const PackedTokens& batch, const at::Tensor& hidden) const;
  Sequence& place(Sequence sequence);
  void fill_slot(const Sequence& sequence);
  std::unique_ptr<Sequence> take_out(std::int64_t slot);
  void append_tokens(const at::Tensor& drawn, const std::vector<Sequence*>& rows);
  void finish(std::int64_t slot, data::FinishReason reason);
  std::int64_t limit_of(const Sequence& sequence) const;
  std::int64_t num_used_slots() const;
  bool has_stop_text(const data::Completion& completion) const;
  MovedSample give_waiting();
  MovedSample give_running();

  const models::Model& model_;
  const EngineOptions& options_;
  CacheMemory& memory_;
  const SamplingOptions& sampling_;
  const StopRules& stop_;
  Balancer* balancer_;
  std::int64_t engine_;  // number of this one among those that share work
  models::Lockstep lockstep_;
  Scheduler scheduler_;
  std::deque<WaitingPrompt> waiting_;
  std::deque<PrefilledGroup> groups_;
  std::deque<Sequence> resumed_;  // begun elsewhere; their tokens are not in the cache yet
  std::vector<std::unique_ptr<Sequence>> slots_;  // what runs, by slot
  std::int64_t num_running_ = 0;
  std::deque<std::vector<Sequence*>> in_flight_;  // rows of launched steps; null: gone
  std::vector<std::vector<data::Completion>> completions_;
  std::vector<FinishedSample> guests_;  // of other engines
  GenerationStatistics statistics_;
};

}  // namespace r1::generation
