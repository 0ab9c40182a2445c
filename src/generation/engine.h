#pragma once
// The generation engine: continuous batching over a paged KV cache, one prefill per prompt for all
// of its samples.
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "data/types.h"
#include "generation/balancer.h"
#include "generation/options.h"
#include "generation/turn_taker.h"
#include "models/model.h"

namespace r1::generation {

struct CacheMemory;

/// A prompt and the seeds of its samples: one completion per seed. A completion is a function of
/// the weights, the prompt and its seed; never of what else is in the batch (up to rounding), of
/// ranks or of time.
struct Request {
  std::vector<data::TokenId> prompt_ids;
  std::vector<std::uint64_t> seeds;
  std::int64_t group = 0;  // what the caller calls the prompt; told to the TurnTaker
  /// What there is of the samples, one for each seed; empty: none has begun. A sample goes on
  /// behind its tokens, as one does that was preempted.
  std::vector<data::Completion> begun = {};
};

/// What ends a completion besides SamplingOptions' limits.
struct StopRules {
  std::vector<data::TokenId> eos_token_ids;
  /// Needed for SamplingOptions::stop: the text of completion tokens.
  std::function<std::string(std::span<const data::TokenId>)> decode;
};

/// What the KV cache of an engine holds.
struct CacheSize {
  std::int64_t num_blocks = 0;
  std::int64_t block_size = 0;   // tokens
  std::int64_t full_length = 0;  // tokens of the longest prompt with its longest completion

  /// "KV cache: 34 blocks of 16 tokens hold 8 sequences of the full length of 53 tokens".
  std::string text() const;
};

/// Counts of one generate() call, or of several.
struct GenerationStatistics {
  std::int64_t prompt_tokens = 0;  // computed in prefill, shared prompts once; and again the tokens
                                   // of samples that came running from another engine, were
                                   // preempted or were answered
  std::int64_t new_tokens = 0;
  std::int64_t decode_steps = 0;
  std::int64_t running_steps = 0;    // sequences that ran, summed over the decode steps
  std::int64_t waiting_steps = 0;    // samples that waited, likewise
  std::int64_t calls = 0;            // turns that were answered
  std::int64_t preempted = 0;        // times that a sequence gave its blocks back
  std::int64_t admitted_tokens = 0;  // of prompts, and of samples whose tokens are computed again
  std::int64_t prefix_tokens = 0;    // of these, found in the cache
  std::int64_t most_blocks = 0;      // that samples held in a decode step
  CacheSize cache;
  double seconds = 0.0;

  void operator+=(const GenerationStatistics& other);
};

class Engine {
 public:
  /// The model's weights are used as they are at each call (zero copy with the trainer). `model`
  /// outlives the engine.
  Engine(const models::Model& model, const EngineOptions& options);
  ~Engine();

  /// result[r][i]: completion of requests[r] with its i-th seed. Completion::text is left empty.
  /// `goes_on` is called after every decode step and every pass over prompts (messages move,
  /// signals are looked at); once it answers false, all that is left ends with the tokens that it
  /// has. The ranks that share the model's parts must answer alike. With `balancer` other engines
  /// may finish samples of this one, and this one theirs: the completions are the same, up to
  /// rounding. With `turns` the model's turns are answered; the answers count towards
  /// max_new_tokens, and a sample for whose answer and one more token there is no room ends with
  /// FinishReason::Length. What is left when a balancer ends the sampling is
  /// FinishReason::Unfinished, with the tokens that it has. Collective over: the balancer's
  /// engines, which must have the same weights and options, and the replicas that share the model's
  /// experts. Throws: InputError when a prompt is empty or longer than the model's context or the
  /// cache.
  std::vector<std::vector<data::Completion>> generate(std::span<const Request> requests,
                                                      const SamplingOptions& sampling,
                                                      const StopRules& stop,
                                                      const std::function<bool()>& goes_on = {},
                                                      Balancer* balancer = nullptr,
                                                      TurnTaker* turns = nullptr);
  /// Of the last call.
  const GenerationStatistics& statistics() const { return statistics_; }

  /// Names the weights of the calls from now on. What a call leaves of its prompts in the cache is
  /// found by the next one while the weights have the same name; without a name (the beginning) it
  /// is found by nobody.
  void set_weight_version(std::int64_t version);

  /// Completions then have Completion::experts, and a sample whose tokens are computed again takes
  /// the experts that it took before. For models with experts; before the first call.
  void record_experts();

 private:
  std::int64_t affordable_blocks(double block_bytes) const;
  std::int64_t num_blocks(double block_bytes, std::int64_t wanted) const;
  void ensure_memory(std::span<const Request> requests, const SamplingOptions& sampling,
                     const Balancer* balancer);

  const models::Model& model_;
  EngineOptions options_;
  std::unique_ptr<CacheMemory> memory_;
  CacheSize cache_;
  std::optional<std::int64_t> weight_version_;
  std::int64_t num_decisions_ = 0;  // per token, that are recorded
  GenerationStatistics statistics_;
};

}  // namespace r1::generation
