#pragma once
// One Engine::generate() call: the scheduler says what is computed and what runs, the slots
// run it, and sequences become completions; at the balancer's intervals some of them move to other
// engines.
#include <functional>

#include "generation/decode_batch.h"
#include "generation/engine.h"
#include "generation/kv_cache.h"
#include "generation/scheduler.h"
#include "models/lockstep.h"

namespace r1::generation {

/// The paged cache of an engine, one block longer than what is handed out, for slots without a
/// sample; and the slots.
struct CacheMemory {
  CacheMemory(const models::Model& model, std::int64_t num_blocks, std::int64_t block_size,
              std::int64_t decisions)
      : pool(num_blocks),
        cache(make_kv_cache(model.cache_layout(), num_blocks + 1, block_size, model.dtype(),
                            model.device(), decisions)) {}
  BlockPool pool;
  nn::KvCache cache;
  std::unique_ptr<DecodeBatch> batch;
};

class GenerationRun final : public SamplePool {
 public:
  /// What is passed by reference outlives it. `balancer` null: nothing moves. `turns` null: no turn
  /// is answered.
  GenerationRun(const models::Model& model, const EngineOptions& options, CacheMemory& memory,
                std::span<const Request> requests, const SamplingOptions& sampling,
                const StopRules& stop, Balancer* balancer, TurnTaker* turns);

  /// As Engine::generate returns them.
  std::vector<std::vector<data::Completion>> run(const std::function<bool()>& goes_on);
  const GenerationStatistics& statistics() const { return statistics_; }

  EngineLoad load() const override;
  std::vector<MovedSample> give(std::int64_t waiting, std::int64_t running) override;
  void take(std::vector<MovedSample> samples) override;
  std::vector<std::int64_t> take_finished() override { return std::exchange(finished_, {}); }

 private:
  void add(const Request& request);
  void decode_until(std::int64_t last_step, const std::function<bool()>& goes_on);
  void end_all(data::FinishReason reason);
  void admit();
  bool compute_pieces();
  bool start_samples();
  void decode();
  void reserve_blocks();
  void count_step();
  void compact();
  bool anyone_needs_more() const;
  void collect_step();
  void collect_all();
  at::Tensor prefill_pass(const std::vector<Piece>& pieces);
  at::Tensor given_experts(const std::vector<Piece>& pieces) const;
  void take_experts(Sequence& sequence) const;
  void take_logits(const std::vector<Piece>& pieces, const at::Tensor& hidden) const;
  void place(Sequence& sequence);
  void leave_slot(Sequence& sequence);
  void append_tokens(const at::Tensor& drawn, const std::vector<Sequence*>& rows);
  void end_turn(Sequence& sequence, int state);
  void ask(Sequence& sequence, bool ended);
  void take_answers(bool all);
  void continue_with(std::unique_ptr<Sequence> sequence, TurnAnswer answer);
  void finish(Sequence& sequence, data::FinishReason reason);
  void deliver(std::unique_ptr<Sequence> sequence, data::FinishReason reason);
  std::int64_t num_used_slots() const;
  bool has_stop_text(const data::Completion& completion) const;

  const models::Model& model_;
  const EngineOptions& options_;
  CacheMemory& memory_;
  const SamplingOptions& sampling_;
  const StopRules& stop_;
  Balancer* balancer_;
  TurnTaker* turns_;
  std::int64_t engine_;  // number of this one among those that share work
  models::Lockstep lockstep_;
  Scheduler scheduler_;
  std::vector<Sequence*> slots_;                  // what runs, by slot; null: nothing
  std::deque<std::vector<Sequence*>> in_flight_;  // rows of launched steps; null: gone
  /// Samples whose turn is being answered, in the order of their calls.
  struct Asking {
    std::unique_ptr<Sequence> sequence;
    std::int64_t due = 0;  // decode step from which the answer is waited for
  };
  std::deque<Asking> asking_;
  std::vector<std::vector<data::Completion>> completions_;
  std::vector<FinishedSample> guests_;  // of other engines
  std::vector<std::int64_t> finished_;  // groups, since take_finished()
  GenerationStatistics statistics_;
};

}  // namespace r1::generation
