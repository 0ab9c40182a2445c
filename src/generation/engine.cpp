#include "generation/engine.h"

#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/errors.h"
#include "base/timer.h"
#include "generation/generation_run.h"

namespace r1::generation {

Engine::Engine(const models::Model& model, const EngineOptions& options)
    : model_(model), options_(options) {}
Engine::~Engine() = default;

/// Blocks that the device has room for; on a CPU no limit. All ranks of the model's tensor axis
/// hold equally many, so that they admit the same sequences.
std::int64_t Engine::affordable_blocks(double block_bytes) const {
  const auto device = model_.device();
  if (device.is_cpu()) return std::numeric_limits<std::int64_t>::max();
  auto* allocator = c10::getDeviceAllocator(device.type());
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = allocator->getDeviceStats(device.index());
  const auto idle = stats.reserved_bytes[all].current - stats.allocated_bytes[all].current;
  const double own = memory_ ? static_cast<double>(memory_->num_blocks) * block_bytes : 0.0;
  const double free = static_cast<double>(allocator->getMemoryInfo(device.index()).first) +
                      static_cast<double>(idle) + own;
  return static_cast<std::int64_t>(model_.axes()[parallel::ModelAxis::Tensor].all_reduce_scalar(
      std::floor(options_.gpu_memory_share * free / block_bytes), parallel::ReduceOp::Min,
      "blocks of the KV cache"));
}

void Engine::ensure_memory(std::span<const Request> requests, const SamplingOptions& sampling,
                           const Balancer* balancer) {
  auto longest = balancer ? balancer->longest_prompt() : 0;
  auto most = balancer ? balancer->most_samples() : 0;
  std::int64_t samples = 0;
  for (const auto& request : requests) {
    longest = std::max(longest, static_cast<std::int64_t>(request.prompt_ids.size()));
    samples += static_cast<std::int64_t>(request.seeds.size());
    if (request.prompt_ids.empty()) throw base::InputError("a prompt has no tokens");
  }
  most = std::max(most, samples);
  if (longest >= model_.shape().max_position_embeddings)
    throw base::InputError(
        fmt::format("a prompt of {} tokens does not fit the model's context of {}", longest,
                    model_.shape().max_position_embeddings));
  const auto layout = model_.cache_layout();
  const auto per_sequence = blocks_for(longest + sampling.max_new_tokens, options_.block_size) + 1;
  const auto block_bytes = static_cast<double>(layout.values_per_token() * options_.block_size) *
                           static_cast<double>(c10::elementSize(model_.dtype()));
  const auto wanted = per_sequence * std::min(options_.max_num_seqs, most) +
                      blocks_for(longest, options_.block_size) * 8;
  auto blocks = options_.kv_cache_blocks;
  if (blocks == 0 && options_.kv_cache_gb > 0.0)
    blocks = static_cast<std::int64_t>(options_.kv_cache_gb * 1e9 / block_bytes);
  if (blocks == 0) blocks = std::min(wanted, affordable_blocks(block_bytes));
  if (blocks < 2 * per_sequence)
    throw base::InputError(fmt::format(
        "the KV cache of {} blocks of {} tokens is too small for a prompt of {} tokens "
        "and {} new ones: expected at least {} blocks",
        blocks, options_.block_size, longest, sampling.max_new_tokens, 2 * per_sequence));
  if (!memory_ || memory_->num_blocks < blocks)
    memory_ = std::make_unique<CacheMemory>(model_, blocks, options_.block_size);
  const auto num_slots = options_.max_num_seqs;  // samples of other engines may come
  if (!memory_->batch || !memory_->batch->holds(num_slots, per_sequence))
    memory_->batch = std::make_unique<DecodeBatch>(model_, memory_->cache, options_, num_slots,
                                                   per_sequence, memory_->num_blocks);
}

std::vector<std::vector<data::Completion>> Engine::generate(std::span<const Request> requests,
                                                            const SamplingOptions& sampling,
                                                            const StopRules& stop,
                                                            const std::function<void()>& on_step,
                                                            Balancer* balancer) {
  statistics_ = {};
  if (requests.empty() && !balancer) {
    models::Lockstep(model_).finish();
    return {};
  }
  const base::Stopwatch watch;
  const c10::InferenceMode inference;
  ensure_memory(requests, sampling, balancer);
  GenerationRun run(model_, options_, *memory_, requests, sampling, stop, balancer);
  auto completions = run.run(on_step);
  statistics_ = run.statistics();
  statistics_.seconds = watch.seconds();
  return completions;
}

}  // namespace r1::generation
