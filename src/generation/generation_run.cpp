#include "generation/generation_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "base/random.h"
#include "generation/sampler.h"
#include "vocabulary/vocab_head.h"

namespace r1::generation {
namespace {

/// Makes tokens impossible in some rows.
void forbid(at::Tensor& logits, const std::vector<std::int64_t>& rows,
            const std::vector<data::TokenId>& tokens) {
  const auto index = [&logits](const auto& values) {
    const std::vector<std::int64_t> wide(values.begin(), values.end());
    return at::tensor(wide, at::kLong).to(logits.device());
  };
  logits.index_put_({index(rows).unsqueeze(1), index(tokens).unsqueeze(0)},
                    at::scalar_tensor(-std::numeric_limits<double>::infinity(), logits.options()));
}

}  // namespace

GenerationRun::GenerationRun(const models::Model& model, const EngineOptions& options,
                             CacheMemory& memory, std::span<const Request> requests,
                             const SamplingOptions& sampling, const StopRules& stop,
                             Balancer* balancer)
    : model_(model),
      options_(options),
      memory_(memory),
      sampling_(sampling),
      stop_(stop),
      balancer_(balancer),
      engine_(balancer ? balancer->engine() : 0),
      lockstep_(model),
      scheduler_(memory.allocator, options.block_size, sampling.max_new_tokens) {
  for (const auto& request : requests) {
    WaitingPrompt waiting{std::make_shared<std::vector<data::TokenId>>(request.prompt_ids), {}};
    const auto number = static_cast<std::int64_t>(completions_.size());
    for (const auto seed : request.seeds)
      waiting.samples.push_back(
          {{engine_, number, static_cast<std::int64_t>(waiting.samples.size())}, seed});
    completions_.emplace_back(request.seeds.size());
    if (!waiting.samples.empty()) waiting_.push_back(std::move(waiting));
  }
}

std::vector<std::vector<data::Completion>> GenerationRun::run(
    const std::function<void()>& on_step) {
  const auto interval =
      balancer_ ? balancer_->interval() : std::numeric_limits<std::int64_t>::max();
  do {
    decode_until(statistics_.decode_steps + interval, on_step);
    lockstep_.finish();
  } while (balancer_ && balancer_->balance(*this));
  if (balancer_)
    for (auto& [origin, completion] : balancer_->settle(std::move(guests_)))
      completions_[static_cast<std::size_t>(origin.request)]
                  [static_cast<std::size_t>(origin.sample)] = std::move(completion);
  return std::move(completions_);
}

/// Stops earlier when nothing is left.
void GenerationRun::decode_until(std::int64_t last_step, const std::function<void()>& on_step) {
  while (statistics_.decode_steps < last_step) {
    admit();
    if (running_.empty()) return;
    decode();
    if (on_step) on_step();
  }
}

std::int64_t GenerationRun::free_slots() const {
  return options_.max_num_seqs - static_cast<std::int64_t>(running_.size());
}

/// Fills free slots: samples that others began first, then samples of prompts that are in the
/// cache, then new prompts in order.
void GenerationRun::admit() {
  for (;;) {
    resume();
    while (start_samples()) {
    }  // those that end with their first token leave their slots
    if (free_slots() <= 0 || !groups_.empty() || waiting_.empty()) break;
    if (!prefill()) break;
  }
  R1_CHECK(!running_.empty() || (groups_.empty() && waiting_.empty() && resumed_.empty()),
           "the KV cache of {} blocks holds no sample", memory_.num_blocks);
}

/// Computes what the cache lacks of samples that others began; their newest token comes with the
/// next decode step.
void GenerationRun::resume() {
  while (!resumed_.empty() && free_slots() > 0 && scheduler_.can_resume(resumed_.front())) {
    PackedTokens batch;
    while (!resumed_.empty() && free_slots() > 0 && scheduler_.can_resume(resumed_.front()) &&
           fits(batch, resumed_.front().length)) {
      auto sequence = std::move(resumed_.front());
      resumed_.pop_front();
      scheduler_.resume(sequence);
      auto ids = *sequence.prompt;
      const auto& new_ids = sequence.completion.token_ids;
      ids.insert(ids.end(), new_ids.begin(), new_ids.end() - 1);
      pack(batch, ids, sequence.blocks);
      running_.push_back(std::move(sequence));
    }
    prefill_pass(batch);
  }
}

/// False: none could start.
bool GenerationRun::start_samples() {
  std::vector<Sequence> started;
  std::vector<at::Tensor> logits;
  std::vector<std::int64_t> copy_from, copy_to;
  std::vector<std::int32_t> finished_prompts;
  while (!groups_.empty() && free_slots() > static_cast<std::int64_t>(started.size()) &&
         scheduler_.can_start_sample(groups_.front())) {
    auto& group = groups_.front();
    started.push_back(scheduler_.start_sample(group, copy_from, copy_to));
    logits.push_back(group.logits);
    if (group.samples.empty()) {
      finished_prompts.insert(finished_prompts.end(), group.blocks.begin(), group.blocks.end());
      groups_.pop_front();
    }
  }
  if (started.empty()) return false;
  copy_blocks(memory_.cache, copy_from, copy_to);
  scheduler_.release(finished_prompts);  // after the copy: their last block may be handed out again
  append_tokens(started, at::cat(logits));
  for (auto& sequence : started) keep_or_finish(std::move(sequence));
  return true;
}

/// Computes the prompts that fit next into one packed batch. False: none fits now.
bool GenerationRun::prefill() {
  PackedTokens batch;
  std::int64_t samples = 0;
  while (!waiting_.empty() && samples < free_slots()) {
    const auto length = waiting_.front().length();
    if (!scheduler_.can_prefill(length) || !fits(batch, length)) break;
    groups_.push_back(scheduler_.start_group(std::move(waiting_.front())));
    waiting_.pop_front();
    pack(batch, *groups_.back().prompt, groups_.back().blocks);
    samples += static_cast<std::int64_t>(groups_.back().samples.size());
  }
  if (batch.segments.empty()) return false;
  const auto logits = last_logits(batch, prefill_pass(batch));
  const auto first = groups_.size() - batch.segments.size();
  for (std::size_t i = 0; i < batch.segments.size(); ++i)
    groups_[first + i].logits = logits.narrow(0, static_cast<std::int64_t>(i), 1);
  return true;
}

/// One token for every running sequence.
void GenerationRun::decode() {
  PackedTokens batch;
  for (auto& sequence : running_) {
    batch.tokens.push_back(sequence.completion.token_ids.back());
    batch.positions.push_back(sequence.length);
    add_place(batch, sequence.blocks, sequence.length);
    ++sequence.length;
  }
  append_tokens(running_,
                vocabulary::gather_logits(forward(batch, paged_attention()), model_.head()));
  auto before = std::move(running_);
  running_.clear();
  for (auto& sequence : before) keep_or_finish(std::move(sequence));
  ++statistics_.decode_steps;
}

nn::PagedAttention GenerationRun::paged_attention() const {
  std::size_t max_blocks = 0;
  for (const auto& sequence : running_)
    max_blocks =
        std::max(max_blocks,
                 static_cast<std::size_t>(blocks_for(sequence.length, memory_.cache.block_size)));
  const auto rows = static_cast<std::int64_t>(running_.size());
  auto table = at::zeros({rows, static_cast<std::int64_t>(max_blocks)}, at::kInt);
  auto lengths = at::empty({rows}, at::kInt);
  for (std::size_t row = 0; row < running_.size(); ++row) {
    const auto& blocks = running_[row].blocks;
    std::copy_n(blocks.begin(), std::min(max_blocks, blocks.size()),
                table.mutable_data_ptr<std::int32_t>() + row * max_blocks);
    lengths.mutable_data_ptr<std::int32_t>()[row] = static_cast<std::int32_t>(running_[row].length);
  }
  nn::PagedAttention paged{table.to(model_.device()), lengths.to(model_.device()), {}};
  if (!model_.device().is_cpu())
    paged.gather = nn::make_paged_gather(paged.block_table, paged.context_lengths,
                                         model_.cache_layout().num_kv_heads, options_.block_size,
                                         model_.dtype());
  return paged;
}

void GenerationRun::pack(PackedTokens& batch, std::span<const data::TokenId> ids,
                         const std::vector<std::int32_t>& blocks) const {
  const auto length = static_cast<std::int64_t>(ids.size());
  batch.segments.push_back({batch.size(), length, -1});
  for (std::int64_t i = 0; i < length; ++i) {
    batch.tokens.push_back(ids[static_cast<std::size_t>(i)]);
    batch.positions.push_back(i);
    add_place(batch, blocks, i);
  }
}

bool GenerationRun::fits(const PackedTokens& batch, std::int64_t more_tokens) const {
  return batch.size() == 0 || batch.size() + more_tokens <= options_.prefill_tokens;
}

/// Final hidden states of the batch, whose keys and values are in the cache then.
template <class Pattern>
at::Tensor GenerationRun::forward(const PackedTokens& batch, Pattern&& pattern) {
  const auto to_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(model_.device());
  };
  const models::ModelInput input{to_device(batch.tokens),
                                 to_device(batch.positions),
                                 {std::forward<Pattern>(pattern),
                                  &memory_.cache,
                                  {to_device(batch.blocks), to_device(batch.offsets)}}};
  lockstep_.begin_pass();
  return model_.forward(input);
}

at::Tensor GenerationRun::prefill_pass(const PackedTokens& batch) {
  statistics_.prompt_tokens += batch.size();
  return forward(batch, nn::make_packed_attention(batch.segments, model_.dtype(), model_.device()));
}

/// Logits after the last token of each sequence.
at::Tensor GenerationRun::last_logits(const PackedTokens& batch, const at::Tensor& hidden) const {
  std::vector<std::int64_t> rows;
  for (const auto& segment : batch.segments) rows.push_back(segment.start + segment.length - 1);
  return vocabulary::gather_logits(
      hidden.index_select(0, at::tensor(rows, at::kLong).to(model_.device())), model_.head());
}

void GenerationRun::append_tokens(std::vector<Sequence>& sequences, at::Tensor logits) {
  std::vector<SampleRequest> draws;
  std::vector<std::int64_t> too_short;
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    const auto& sequence = sequences[row];
    const auto position = sequence.completion.token_ids.size();
    draws.push_back({sampling_.greedy ? 0.0 : sampling_.temperature, sampling_.top_p,
                     sampling_.top_k, base::uniform(sequence.start.seed, position)});
    if (static_cast<std::int64_t>(position) < sampling_.min_new_tokens)
      too_short.push_back(static_cast<std::int64_t>(row));
  }
  if (!too_short.empty()) forbid(logits, too_short, stop_.eos_token_ids);
  const auto tokens = sample(logits, draws);
  const bool restricted = !sampling_.greedy && (sampling_.top_k > 0 || sampling_.top_p < 1.0);
  for (std::size_t row = 0; row < sequences.size(); ++row) {
    auto& completion = sequences[row].completion;
    completion.token_ids.push_back(static_cast<data::TokenId>(tokens[row].token));
    completion.logprobs.push_back(tokens[row].logprob);
    if (restricted) completion.kept_mass.push_back(tokens[row].kept_mass);
  }
  statistics_.new_tokens += static_cast<std::int64_t>(sequences.size());
}

void GenerationRun::keep_or_finish(Sequence sequence) {
  auto& completion = sequence.completion;
  const bool stopped = ends(completion);
  if (!stopped &&
      static_cast<std::int64_t>(completion.token_ids.size()) < sampling_.max_new_tokens &&
      sequence.length + 1 < model_.shape().max_position_embeddings) {
    running_.push_back(std::move(sequence));
    return;
  }
  completion.finish_reason = stopped ? data::FinishReason::Stop : data::FinishReason::Length;
  scheduler_.release(sequence.blocks);
  const auto& origin = sequence.start.origin;
  if (origin.engine == engine_)
    completions_[static_cast<std::size_t>(origin.request)]
                [static_cast<std::size_t>(origin.sample)] = std::move(completion);
  else
    guests_.push_back({origin, std::move(completion)});
}

bool GenerationRun::ends(const data::Completion& completion) const {
  const auto& eos = stop_.eos_token_ids;
  if (!sampling_.ignore_eos &&
      std::find(eos.begin(), eos.end(), completion.token_ids.back()) != eos.end())
    return true;
  if (sampling_.stop.empty() || !stop_.decode) return false;
  const auto text = stop_.decode(completion.token_ids);
  return std::any_of(sampling_.stop.begin(), sampling_.stop.end(),
                     [&](const std::string& s) { return text.find(s) != std::string::npos; });
}

/// Where the cache has the token at `position` of the sequence that holds `blocks`.
void GenerationRun::add_place(PackedTokens& batch, const std::vector<std::int32_t>& blocks,
                              std::int64_t position) const {
  const auto size = memory_.cache.block_size;
  batch.blocks.push_back(blocks[static_cast<std::size_t>(position / size)]);
  batch.offsets.push_back(position % size);
}

}  // namespace r1::generation
