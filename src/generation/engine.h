#pragma once
// The generation engine: continuous batching over a paged KV cache, one prefill per prompt for all
// of its samples.
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "data/types.h"
#include "generation/balancer.h"
#include "generation/options.h"
#include "models/model.h"

namespace r1::generation {

struct CacheMemory;

/// A prompt and the seeds of its samples: one completion per seed. A completion is a function of
/// the weights, the prompt and its seed; never of what else is in the batch (up to rounding), of
/// ranks or of time.
struct Request {
  std::vector<data::TokenId> prompt_ids;
  std::vector<std::uint64_t> seeds;
};

/// What ends a completion besides SamplingOptions' limits.
struct StopRules {
  std::vector<data::TokenId> eos_token_ids;
  /// Needed for SamplingOptions::stop: the text of completion tokens.
  std::function<std::string(std::span<const data::TokenId>)> decode;
};

/// Counts of one generate() call.
struct GenerationStatistics {
  std::int64_t prompt_tokens = 0;  // computed in prefill, shared prompts once; and again the
                                   // tokens of samples that came running from another engine
  std::int64_t new_tokens = 0;
  std::int64_t decode_steps = 0;
  double seconds = 0.0;
};

class Engine {
 public:
  /// The model's weights are used as they are at each call (zero copy with the trainer). `model`
  /// outlives the engine.
  Engine(const models::Model& model, const EngineOptions& options);
  ~Engine();

  /// result[r][i]: completion of requests[r] with its i-th seed. Completion::text is left empty.
  /// `on_step` is called after every decode step (messages move, signals are looked at). With
  /// `balancer` other engines may finish samples of this one, and this one theirs: the completions
  /// are the same, up to rounding. Collective over: the balancer's engines, which must have the
  /// same weights and options, and the replicas that share the model's experts.
  /// Throws: InputError when a prompt is empty or longer than the model's context or the cache.
  std::vector<std::vector<data::Completion>> generate(std::span<const Request> requests,
                                                      const SamplingOptions& sampling,
                                                      const StopRules& stop,
                                                      const std::function<void()>& on_step = {},
                                                      Balancer* balancer = nullptr);
  const GenerationStatistics& statistics() const { return statistics_; }

 private:
  std::int64_t affordable_blocks(double block_bytes) const;
  void ensure_memory(std::span<const Request> requests, const SamplingOptions& sampling,
                     const Balancer* balancer);

  const models::Model& model_;
  EngineOptions options_;
  std::unique_ptr<CacheMemory> memory_;
  GenerationStatistics statistics_;
};

}  // namespace r1::generation
