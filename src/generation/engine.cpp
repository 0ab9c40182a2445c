#include "generation/engine.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

#include "base/errors.h"
#include "base/random.h"
#include "base/timer.h"
#include "generation/sampler.h"
#include "generation/scheduler.h"
#include "models/lockstep.h"
#include "parallel/vocab_head.h"

namespace r1::generation {

struct Engine::Memory {
  Memory(const models::Model& model, std::int64_t num_blocks, std::int64_t block_size)
      : allocator(num_blocks),
        num_blocks(num_blocks),
        cache(make_kv_cache(model.cache_layout(), num_blocks, block_size, model.dtype(),
                            model.device())) {}
  BlockAllocator allocator;
  std::int64_t num_blocks;
  nn::KvCache cache;
};

/// One generate() call.
class GenerationRun {
 public:
  GenerationRun(Engine& engine, std::span<const Request> requests, const SamplingOptions& sampling,
                const StopRules& stop, models::Lockstep& lockstep)
      : engine_(engine),
        model_(engine.model_),
        memory_(*engine.batch_memory_),
        requests_(requests),
        sampling_(sampling),
        stop_(stop),
        lockstep_(lockstep),
        scheduler_(memory_.allocator, engine.options_.block_size, sampling.max_new_tokens) {
    for (const auto& request : requests) completions_.emplace_back(request.seeds.size());
  }

  std::vector<std::vector<data::Completion>> run(const std::function<void()>& on_step) {
    for (admit(); !running_.empty(); admit()) {
      decode();
      if (on_step) on_step();
    }
    return std::move(completions_);
  }

 private:
  std::int64_t free_slots() const {
    return engine_.options_.max_num_seqs - static_cast<std::int64_t>(running_.size());
  }

  /// Fills free slots: samples of prompts that are in the cache first, then new prompts in order.
  void admit() {
    for (;;) {
      start_samples();
      if (free_slots() <= 0 || !groups_.empty() || next_request_ == requests_.size()) break;
      if (!prefill()) break;
    }
    R1_CHECK(!running_.empty() || (groups_.empty() && next_request_ == requests_.size()),
             "the KV cache of {} blocks holds no sample", memory_.num_blocks);
  }

  void start_samples() {
    std::vector<Sequence> started;
    std::vector<at::Tensor> logits;
    std::vector<std::int64_t> copy_from, copy_to;
    std::vector<std::int32_t> finished_prompts;
    while (!groups_.empty() && free_slots() > static_cast<std::int64_t>(started.size()) &&
           scheduler_.can_start_sample(groups_.front())) {
      auto& group = groups_.front();
      started.push_back(scheduler_.start_sample(group, copy_from, copy_to));
      logits.push_back(group.logits);
      if (group.next_sample == requests_[group.request].seeds.size()) {
        finished_prompts.insert(finished_prompts.end(), group.blocks.begin(), group.blocks.end());
        groups_.pop_front();
      }
    }
    if (started.empty()) return;
    copy_blocks(memory_.cache, copy_from, copy_to);
    scheduler_.release(
        finished_prompts);  // after the copy: their last block may be handed out again
    append_tokens(started, at::cat(logits));
    for (auto& sequence : started) keep_or_finish(std::move(sequence), running_);
  }

  /// Computes the prompts that fit next into one packed batch. False: none fits now.
  bool prefill() {
    std::vector<nn::Segment> segments;
    std::vector<std::int64_t> tokens, positions, slots, last_rows;
    std::int64_t samples = 0;
    while (next_request_ < requests_.size() && samples < free_slots()) {
      const auto& prompt = requests_[next_request_].prompt_ids;
      const auto length = static_cast<std::int64_t>(prompt.size());
      const auto start = static_cast<std::int64_t>(tokens.size());
      if (!scheduler_.can_prefill(length)) break;
      if (start > 0 && start + length > engine_.options_.prefill_tokens) break;
      groups_.push_back(scheduler_.start_group(next_request_, length));
      segments.push_back({start, length, -1});
      for (std::int64_t i = 0; i < length; ++i) {
        tokens.push_back(prompt[static_cast<std::size_t>(i)]);
        positions.push_back(i);
        slots.push_back(slot(groups_.back().blocks, i));
      }
      last_rows.push_back(start + length - 1);
      samples += static_cast<std::int64_t>(requests_[next_request_++].seeds.size());
    }
    if (segments.empty()) return false;
    const auto logits =
        forward(tokens, positions, slots, last_rows,
                nn::make_packed_attention(segments, model_.dtype(), model_.device()));
    const auto first = groups_.size() - segments.size();
    for (std::size_t i = 0; i < segments.size(); ++i)
      groups_[first + i].logits = logits.narrow(0, static_cast<std::int64_t>(i), 1);
    engine_.statistics_.prompt_tokens += static_cast<std::int64_t>(tokens.size());
    return true;
  }

  /// One token for every running sequence.
  void decode() {
    std::vector<std::int64_t> tokens, positions, slots;
    std::size_t max_blocks = 0;
    for (auto& sequence : running_) {
      tokens.push_back(sequence.completion.token_ids.back());
      positions.push_back(sequence.length);
      slots.push_back(slot(sequence.blocks, sequence.length));
      ++sequence.length;
      max_blocks =
          std::max(max_blocks,
                   static_cast<std::size_t>(blocks_for(sequence.length, memory_.cache.block_size)));
    }
    const auto rows = static_cast<std::int64_t>(running_.size());
    auto table = at::zeros({rows, static_cast<std::int64_t>(max_blocks)}, at::kInt);
    auto lengths = at::empty({rows}, at::kInt);
    for (std::size_t row = 0; row < running_.size(); ++row) {
      const auto& blocks = running_[row].blocks;
      std::copy_n(blocks.begin(), std::min(max_blocks, blocks.size()),
                  table.mutable_data_ptr<std::int32_t>() + row * max_blocks);
      lengths.mutable_data_ptr<std::int32_t>()[row] =
          static_cast<std::int32_t>(running_[row].length);
    }
    const nn::PagedAttention paged{table.to(model_.device()), lengths.to(model_.device())};
    const auto logits = forward(tokens, positions, slots, {}, paged);
    append_tokens(running_, logits);
    auto before = std::move(running_);
    running_.clear();
    for (auto& sequence : before) keep_or_finish(std::move(sequence), running_);
    ++engine_.statistics_.decode_steps;
  }

  /// Logits of the given rows (empty: of all).
  template <class Pattern>
  at::Tensor forward(const std::vector<std::int64_t>& tokens,
                     const std::vector<std::int64_t>& positions,
                     const std::vector<std::int64_t>& slots, const std::vector<std::int64_t>& rows,
                     Pattern&& pattern) {
    const auto to_device = [&](const std::vector<std::int64_t>& values) {
      return at::tensor(values, at::kLong).to(model_.device());
    };
    models::ModelInput input{to_device(tokens),
                             to_device(positions),
                             {std::forward<Pattern>(pattern), &memory_.cache, to_device(slots)}};
    lockstep_.begin_pass();
    auto hidden = model_.forward(input);
    if (!rows.empty()) hidden = hidden.index_select(0, to_device(rows));
    return parallel::gather_logits(hidden, model_.head());
  }

  void append_tokens(std::vector<Sequence>& sequences, at::Tensor logits) {
    const bool forbid_end = std::any_of(sequences.begin(), sequences.end(), [&](const Sequence& s) {
      return static_cast<std::int64_t>(s.completion.token_ids.size()) < sampling_.min_new_tokens;
    });
    std::vector<SampleRequest> draws;
    for (std::size_t row = 0; row < sequences.size(); ++row) {
      const auto& sequence = sequences[row];
      const auto position = sequence.completion.token_ids.size();
      draws.push_back(
          {sampling_.greedy ? 0.0 : sampling_.temperature, sampling_.top_p, sampling_.top_k,
           base::uniform(requests_[sequence.request].seeds[sequence.sample], position)});
      if (forbid_end && static_cast<std::int64_t>(position) < sampling_.min_new_tokens)
        for (const auto eos : stop_.eos_token_ids)
          logits.index({static_cast<std::int64_t>(row), eos})
              .fill_(-std::numeric_limits<double>::infinity());
    }
    const auto tokens = sample(logits, draws);
    const bool restricted = !sampling_.greedy && (sampling_.top_k > 0 || sampling_.top_p < 1.0);
    for (std::size_t row = 0; row < sequences.size(); ++row) {
      auto& completion = sequences[row].completion;
      completion.token_ids.push_back(static_cast<data::TokenId>(tokens[row].token));
      completion.logprobs.push_back(tokens[row].logprob);
      if (restricted) completion.kept_mass.push_back(tokens[row].kept_mass);
    }
    engine_.statistics_.new_tokens += static_cast<std::int64_t>(sequences.size());
  }

  void keep_or_finish(Sequence sequence, std::vector<Sequence>& running) {
    auto& completion = sequence.completion;
    const bool stopped = ends(completion);
    if (!stopped &&
        static_cast<std::int64_t>(completion.token_ids.size()) < sampling_.max_new_tokens &&
        sequence.length + 1 < model_.shape().max_position_embeddings) {
      running.push_back(std::move(sequence));
      return;
    }
    completion.finish_reason = stopped ? data::FinishReason::Stop : data::FinishReason::Length;
    scheduler_.release(sequence.blocks);
    completions_[sequence.request][sequence.sample] = std::move(completion);
  }

  bool ends(const data::Completion& completion) const {
    const auto& eos = stop_.eos_token_ids;
    if (!sampling_.ignore_eos &&
        std::find(eos.begin(), eos.end(), completion.token_ids.back()) != eos.end())
      return true;
    if (sampling_.stop.empty() || !stop_.decode) return false;
    const auto text = stop_.decode(completion.token_ids);
    return std::any_of(sampling_.stop.begin(), sampling_.stop.end(),
                       [&](const std::string& s) { return text.find(s) != std::string::npos; });
  }

  std::int64_t slot(const std::vector<std::int32_t>& blocks, std::int64_t position) const {
    const auto size = memory_.cache.block_size;
    return blocks[static_cast<std::size_t>(position / size)] * size + position % size;
  }

  Engine& engine_;
  const models::Model& model_;
  Engine::Memory& memory_;
  std::span<const Request> requests_;
  const SamplingOptions& sampling_;
  const StopRules& stop_;
  models::Lockstep& lockstep_;
  Scheduler scheduler_;
  std::size_t next_request_ = 0;
  std::deque<PrefilledGroup> groups_;
  std::vector<Sequence> running_;
  std::vector<std::vector<data::Completion>> completions_;
};

Engine::Engine(const models::Model& model, const EngineOptions& options)
    : model_(model), options_(options) {}
Engine::~Engine() = default;

void Engine::release_memory() {
  batch_memory_.reset();
}

void Engine::ensure_memory(std::span<const Request> requests, const SamplingOptions& sampling) {
  std::size_t longest = 0, samples = 0;
  for (const auto& request : requests) {
    longest = std::max(longest, request.prompt_ids.size());
    samples += request.seeds.size();
    if (request.prompt_ids.empty()) throw base::InputError("a prompt has no tokens");
    if (static_cast<std::int64_t>(request.prompt_ids.size()) >=
        model_.shape().max_position_embeddings)
      throw base::InputError(
          fmt::format("a prompt of {} tokens does not fit the model's context of {}",
                      request.prompt_ids.size(), model_.shape().max_position_embeddings));
  }
  const auto layout = model_.cache_layout();
  const auto per_sequence = blocks_for(static_cast<std::int64_t>(longest) + sampling.max_new_tokens,
                                       options_.block_size) +
                            1;
  const auto block_bytes = static_cast<double>(layout.values_per_token() * options_.block_size) *
                           static_cast<double>(c10::elementSize(model_.dtype()));
  const auto wanted = per_sequence * std::min<std::int64_t>(options_.max_num_seqs,
                                                            static_cast<std::int64_t>(samples)) +
                      blocks_for(static_cast<std::int64_t>(longest), options_.block_size) * 8;
  auto blocks = options_.kv_cache_blocks;
  if (blocks == 0 && options_.kv_cache_gb > 0.0)
    blocks = static_cast<std::int64_t>(options_.kv_cache_gb * 1e9 / block_bytes);
  if (blocks == 0) blocks = wanted;
  if (blocks < 2 * per_sequence)
    throw base::InputError(fmt::format(
        "the KV cache of {} blocks of {} tokens is too small for a prompt of {} tokens "
        "and {} new ones: expected at least {} blocks",
        blocks, options_.block_size, longest, sampling.max_new_tokens, 2 * per_sequence));
  if (!batch_memory_ || batch_memory_->num_blocks < blocks)
    batch_memory_ = std::make_unique<Memory>(model_, blocks, options_.block_size);
}

std::vector<std::vector<data::Completion>> Engine::generate(std::span<const Request> requests,
                                                            const SamplingOptions& sampling,
                                                            const StopRules& stop,
                                                            const std::function<void()>& on_step) {
  statistics_ = {};
  models::Lockstep lockstep(model_);
  if (requests.empty()) {
    lockstep.finish();
    return {};
  }
  const base::Stopwatch watch;
  const c10::InferenceMode inference;
  ensure_memory(requests, sampling);
  auto completions = GenerationRun(*this, requests, sampling, stop, lockstep).run(on_step);
  lockstep.finish();
  statistics_.seconds = watch.seconds();
  return completions;
}

}  // namespace r1::generation
