#include "generation/engine.h"

#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/log.h"
#include "base/timer.h"
#include "generation/generation_run.h"
#include "models/expert_decisions.h"
#include "tensor/device_memory.h"

namespace r1::generation {

Engine::Engine(const models::Model& model, const EngineOptions& options)
    : model_(model), options_(options) {}
Engine::~Engine() = default;

std::string CacheSize::text() const {
  return fmt::format(
      "KV cache: {} blocks of {} tokens hold {} sequences of the full length of {} tokens",
      num_blocks, block_size, num_blocks / blocks_for(full_length, block_size), full_length);
}

void GenerationStatistics::operator+=(const GenerationStatistics& other) {
  prompt_tokens += other.prompt_tokens;
  new_tokens += other.new_tokens;
  decode_steps += other.decode_steps;
  running_steps += other.running_steps;
  waiting_steps += other.waiting_steps;
  calls += other.calls;
  preempted += other.preempted;
  admitted_tokens += other.admitted_tokens;
  prefix_tokens += other.prefix_tokens;
  most_blocks = std::max(most_blocks, other.most_blocks);
  if (other.cache.num_blocks > 0) cache = other.cache;
  seconds += other.seconds;
}

void Engine::set_weight_version(std::int64_t version) {
  if (memory_ && weight_version_ != version) memory_->pool.forget_contents();
  weight_version_ = version;
}

void Engine::record_experts() {
  R1_CHECK(!memory_, "the engine has sampled before it was told to record experts");
  num_decisions_ = models::decisions_per_token(model_.shape());
}

/// Blocks that the device has room for; on a CPU no limit. All ranks of the model's tensor axis
/// hold equally many, so that they admit the same sequences.
std::int64_t Engine::affordable_blocks(double block_bytes) const {
  const auto memory = tensor::device_memory(model_.device());
  if (!memory) return std::numeric_limits<std::int64_t>::max();
  const double own = memory_ ? static_cast<double>(memory_->pool.num_blocks()) * block_bytes : 0.0;
  const double held = static_cast<double>(memory->total - memory->free - memory->idle) - own;
  const double room = options_.gpu_memory_utilization * static_cast<double>(memory->total) - held;
  return static_cast<std::int64_t>(model_.axes()[parallel::ModelAxis::Tensor].all_reduce_scalar(
      std::floor(std::max(0.0, room) / block_bytes), parallel::ReduceOp::Min,
      "blocks of the KV cache"));
}

std::int64_t Engine::num_blocks(double block_bytes, std::int64_t wanted) const {
  if (options_.kv_cache_blocks > 0) return options_.kv_cache_blocks;
  if (options_.kv_cache_gb > 0.0)
    return static_cast<std::int64_t>(options_.kv_cache_gb * 1e9 / block_bytes);
  return std::min(wanted, affordable_blocks(block_bytes));
}

void Engine::ensure_memory(std::span<const Request> requests, const SamplingOptions& sampling,
                           const Balancer* balancer) {
  const auto context = model_.shape().max_position_embeddings;
  auto longest = balancer ? balancer->longest_prompt() : 0;
  auto most = balancer ? balancer->most_samples() : 0;
  std::int64_t samples = 0;
  for (const auto& request : requests) {
    longest = std::max(longest, static_cast<std::int64_t>(request.prompt_ids.size()));
    samples += static_cast<std::int64_t>(request.seeds.size());
    if (request.prompt_ids.empty()) throw base::InputError("a prompt has no tokens");
  }
  most = std::max(most, samples);
  if (longest >= context)
    throw base::InputError(fmt::format(
        "a prompt of {} tokens does not fit the model's context of {}", longest, context));
  const auto size = options_.block_size;
  const auto full_length = std::min(longest + sampling.max_new_tokens, context);
  // One block more than the longest sequence: that of its prompt's last tokens, which its other
  // samples begin from.
  const auto per_sequence = blocks_for(full_length, size) + 1;
  const auto layout = model_.cache_layout();
  const auto block_bytes =
      static_cast<double>(size) *
      (static_cast<double>(layout.values_per_token()) *
           static_cast<double>(c10::elementSize(model_.dtype())) +
       static_cast<double>(num_decisions_) * static_cast<double>(sizeof(std::int16_t)));
  const auto blocks = num_blocks(block_bytes, per_sequence * std::min(options_.max_num_seqs, most) +
                                                  blocks_for(longest, size) * 8);
  const auto there = memory_ ? memory_->pool.num_blocks() : 0;
  if (std::max(blocks, there) < per_sequence)
    throw base::InputError(fmt::format(
        "the KV cache of {} blocks of {} tokens is too small for one sequence with a prompt of {} "
        "tokens and {} new ones: expected at least {} blocks (engine.kv_cache_blocks, "
        "engine.kv_cache_gb or, on a GPU, engine.gpu_memory_utilization)",
        blocks, size, longest, sampling.max_new_tokens, per_sequence));
  if (there < blocks) {
    memory_.reset();  // before the new one is made: there may be room for one of them alone
    memory_ = std::make_unique<CacheMemory>(model_, blocks, size, num_decisions_);
    cache_ = {blocks, size, full_length};
    base::log_info("{}", cache_.text());
  }
  const auto num_slots = options_.max_num_seqs;  // samples of other engines may come
  if (!memory_->batch || !memory_->batch->holds(num_slots, per_sequence))
    memory_->batch = std::make_unique<DecodeBatch>(model_, memory_->cache, options_, num_slots,
                                                   per_sequence, memory_->pool.num_blocks());
}

std::vector<std::vector<data::Completion>> Engine::generate(std::span<const Request> requests,
                                                            const SamplingOptions& sampling,
                                                            const StopRules& stop,
                                                            const std::function<bool()>& goes_on,
                                                            Balancer* balancer, TurnTaker* turns) {
  statistics_ = {};
  if (requests.empty() && !balancer) {
    models::Lockstep(model_).finish();
    return {};
  }
  const base::Stopwatch watch;
  const c10::InferenceMode inference;
  ensure_memory(requests, sampling, balancer);
  if (!weight_version_) memory_->pool.forget_contents();
  GenerationRun run(model_, options_, *memory_, requests, sampling, stop, balancer, turns);
  auto completions = run.run(goes_on);
  statistics_ = run.statistics();
  statistics_.cache = cache_;
  statistics_.seconds = watch.seconds();
  return completions;
}

}  // namespace r1::generation
