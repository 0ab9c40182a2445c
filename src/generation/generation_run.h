#pragma once
// One Engine::generate() call: prompts become groups in the cache, groups become running sequences,
// sequences become completions; at the balancer's intervals some of them move to other engines.
#include <functional>

#include "generation/engine.h"
#include "generation/scheduler.h"
#include "models/lockstep.h"

namespace r1::generation {

/// The paged cache of an engine.
struct CacheMemory {
  CacheMemory(const models::Model& model, std::int64_t num_blocks, std::int64_t block_size)
      : allocator(num_blocks),
        num_blocks(num_blocks),
        cache(make_kv_cache(model.cache_layout(), num_blocks, block_size, model.dtype(),
                            model.device())) {}
  BlockAllocator allocator;
  std::int64_t num_blocks;
  nn::KvCache cache;
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
  /// Adds a sequence that starts at position 0.
  void pack(PackedTokens& batch, std::span<const data::TokenId> ids,
            const std::vector<std::int32_t>& blocks) const;
  void add_place(PackedTokens& batch, const std::vector<std::int32_t>& blocks,
                 std::int64_t position) const;
  bool fits(const PackedTokens& batch, std::int64_t more_tokens) const;
  nn::PagedAttention paged_attention() const;
  template <class Pattern>
  at::Tensor forward(const PackedTokens& batch, Pattern&& pattern);
  at::Tensor prefill_pass(const PackedTokens& batch);
  at::Tensor last_logits(const PackedTokens& batch, const at::Tensor& hidden) const;
  void append_tokens(std::vector<Sequence>& sequences, at::Tensor logits);
  void keep_or_finish(Sequence sequence);
  bool ends(const data::Completion& completion) const;
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
  std::vector<Sequence> running_;
  std::vector<std::vector<data::Completion>> completions_;
  std::vector<FinishedSample> guests_;  // of other engines
  GenerationStatistics statistics_;
};

}  // namespace r1::generation
