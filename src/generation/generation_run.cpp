#include "generation/generation_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "kernels/cuda/kernel_table.h"
#include "vocabulary/vocab_head.h"

namespace r1::generation {
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
      scheduler_(memory.allocator, options.block_size, sampling.max_new_tokens),
      slots_(static_cast<std::size_t>(options.max_num_seqs)) {
  memory_.batch->begin(sampling, stop);
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
    if (num_running_ == 0) break;
    if (!anyone_needs_more()) {
      collect_all();
      continue;
    }
    decode();
    if (on_step) on_step();
  }
  collect_all();
}

std::int64_t GenerationRun::free_slots() const {
  return options_.max_num_seqs - num_running_;
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
  R1_CHECK(num_running_ > 0 || (groups_.empty() && waiting_.empty() && resumed_.empty()),
           "the KV cache of {} blocks holds no sample", memory_.num_blocks);
}

/// Computes what the cache lacks of samples that others began; their newest token comes with the
/// next decode step.
void GenerationRun::resume() {
  while (!resumed_.empty() && free_slots() > 0 && scheduler_.can_resume(resumed_.front())) {
    PackedTokens batch;
    while (!resumed_.empty() && free_slots() > 0 && scheduler_.can_resume(resumed_.front()) &&
           fits(batch, resumed_.front().length)) {
      scheduler_.resume(resumed_.front());
      auto& sequence = place(std::move(resumed_.front()));
      resumed_.pop_front();
      auto ids = *sequence.prompt;
      const auto& new_ids = sequence.completion.token_ids;
      ids.insert(ids.end(), new_ids.begin(), new_ids.end() - 1);
      pack(batch, ids, sequence.blocks);
      fill_slot(sequence);
    }
    prefill_pass(batch);
  }
}

/// False: none could start.
bool GenerationRun::start_samples() {
  std::vector<Sequence*> started;
  std::vector<std::int64_t> slots;
  std::vector<at::Tensor> logits;
  std::vector<std::int64_t> copy_from, copy_to;
  std::vector<std::int32_t> finished_prompts;
  while (!groups_.empty() && free_slots() > 0 && scheduler_.can_start_sample(groups_.front())) {
    auto& group = groups_.front();
    started.push_back(&place(scheduler_.start_sample(group, copy_from, copy_to)));
    slots.push_back(started.back()->slot);
    fill_slot(*started.back());
    logits.push_back(group.logits);
    if (group.samples.empty()) {
      finished_prompts.insert(finished_prompts.end(), group.blocks.begin(), group.blocks.end());
      groups_.pop_front();
    }
  }
  if (started.empty()) return false;
  copy_blocks(memory_.cache, copy_from, copy_to);
  scheduler_.release(finished_prompts);  // after the copy: their last block may be handed out again
  append_tokens(memory_.batch->draw(at::cat(logits), slots), started);
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

/// Launches a step for every running sequence, and reads the one before.
void GenerationRun::decode() {
  compact();
  std::int64_t longest = 0;
  std::vector<Sequence*> rows;
  for (std::int64_t slot = 0; slot < num_used_slots(); ++slot) {
    auto* sequence = slots_[static_cast<std::size_t>(slot)].get();
    rows.push_back(sequence);
    if (sequence == nullptr) continue;
    ++sequence->launched;
    longest = std::max(longest, sequence->length + 1);
  }
  lockstep_.begin_pass();
  memory_.batch->launch(memory_.batch->rows_for(num_used_slots()), longest);
  in_flight_.push_back(std::move(rows));
  ++statistics_.decode_steps;
  while (static_cast<std::int64_t>(in_flight_.size()) > memory_.batch->depth()) collect_step();
}

/// Moves the last sequences into free slots where a step then computes fewer rows.
void GenerationRun::compact() {
  const auto rows = memory_.batch->rows_for(num_running_);
  std::int64_t free = 0;
  for (auto last = num_used_slots() - 1; last >= rows; last = num_used_slots() - 1) {
    while (slots_[static_cast<std::size_t>(free)]) ++free;
    memory_.batch->move(last, free);
    auto& to = slots_[static_cast<std::size_t>(free)];
    to = std::move(slots_[static_cast<std::size_t>(last)]);
    to->slot = free;
  }
}

/// One more than the last slot that is in use.
std::int64_t GenerationRun::num_used_slots() const {
  auto count = static_cast<std::int64_t>(slots_.size());
  while (count > 0 && !slots_[static_cast<std::size_t>(count - 1)]) --count;
  return count;
}

/// Whether a step draws a token for someone, as far as is known here.
bool GenerationRun::anyone_needs_more() const {
  return std::any_of(slots_.begin(), slots_.end(), [this](const auto& sequence) {
    return sequence && sequence->launched < limit_of(*sequence);
  });
}

void GenerationRun::collect_step() {
  const auto drawn = memory_.batch->collect();
  const auto rows = std::move(in_flight_.front());
  in_flight_.pop_front();
  for (auto* sequence : rows)
    if (sequence != nullptr) ++sequence->length;
  append_tokens(drawn, rows);
}

void GenerationRun::collect_all() {
  while (!in_flight_.empty()) collect_step();
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
at::Tensor GenerationRun::prefill_pass(const PackedTokens& batch) {
  const auto to_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(model_.device());
  };
  const models::ModelInput input{
      to_device(batch.tokens),
      to_device(batch.positions),
      {nn::make_packed_attention(batch.segments, model_.dtype(), model_.device()),
       &memory_.cache,
       {to_device(batch.blocks), to_device(batch.offsets)}}};
  statistics_.prompt_tokens += batch.size();
  lockstep_.begin_pass();
  return model_.forward(input);
}

/// Logits after the last token of each sequence.
at::Tensor GenerationRun::last_logits(const PackedTokens& batch, const at::Tensor& hidden) const {
  std::vector<std::int64_t> rows;
  for (const auto& segment : batch.segments) rows.push_back(segment.start + segment.length - 1);
  return vocabulary::gather_logits(
      hidden.index_select(0, at::tensor(rows, at::kLong).to(model_.device())), model_.head());
}

/// Gives a sequence the first free slot.
Sequence& GenerationRun::place(Sequence sequence) {
  std::size_t slot = 0;
  while (slots_[slot]) ++slot;
  sequence.slot = static_cast<std::int64_t>(slot);
  ++num_running_;
  return *(slots_[slot] = std::make_unique<Sequence>(std::move(sequence)));
}

/// Puts the slot of a sequence behind its newest token: the last one of its prompt, which is in the
/// cache, or one that was drawn elsewhere and is fed next.
void GenerationRun::fill_slot(const Sequence& sequence) {
  const auto& ids = sequence.completion.token_ids;
  memory_.batch->fill({sequence.slot, ids.empty() ? 0 : ids.back(),
                       ids.empty() ? sequence.length - 1 : sequence.length, sequence.start.seed,
                       static_cast<std::int64_t>(ids.size()), limit_of(sequence), sequence.blocks});
}

/// Tokens after which a sample is cut off.
std::int64_t GenerationRun::limit_of(const Sequence& sequence) const {
  return std::min(sampling_.max_new_tokens, model_.shape().max_position_embeddings -
                                                static_cast<std::int64_t>(sequence.prompt->size()));
}

/// Hands what was drawn to the sequences of its rows, null where nobody waits for a row.
void GenerationRun::append_tokens(const at::Tensor& drawn, const std::vector<Sequence*>& rows) {
  const auto values = drawn.accessor<double, 2>();
  const bool restricted = !sampling_.greedy && (sampling_.top_k > 0 || sampling_.top_p < 1.0);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const auto row = static_cast<std::int64_t>(i);
    if (rows[i] == nullptr || values[kernels::kDrawnToken][row] < 0.0) continue;
    auto& sequence = *rows[i];
    auto& completion = sequence.completion;
    completion.token_ids.push_back(static_cast<data::TokenId>(values[kernels::kDrawnToken][row]));
    completion.logprobs.push_back(values[kernels::kLogprob][row]);
    if (restricted) completion.kept_mass.push_back(values[kernels::kKeptMass][row]);
    ++statistics_.new_tokens;
    sequence.launched =
        std::max(sequence.launched, static_cast<std::int64_t>(completion.token_ids.size()));
    const auto state = static_cast<int>(values[kernels::kState][row]);
    if (state == kernels::kEnded || has_stop_text(completion)) {
      if (state == kernels::kGoesOn) memory_.batch->clear(sequence.slot);
      finish(sequence.slot, data::FinishReason::Stop);
    } else if (state == kernels::kAtLimit) {
      finish(sequence.slot, data::FinishReason::Length);
    }
  }
}

/// Frees a slot; steps on their way draw nothing for its sequence any more.
std::unique_ptr<Sequence> GenerationRun::take_out(std::int64_t slot) {
  auto sequence = std::move(slots_[static_cast<std::size_t>(slot)]);
  --num_running_;
  scheduler_.release(sequence->blocks);
  for (auto& rows : in_flight_)
    std::replace(rows.begin(), rows.end(), sequence.get(), static_cast<Sequence*>(nullptr));
  return sequence;
}

void GenerationRun::finish(std::int64_t slot, data::FinishReason reason) {
  const auto sequence = take_out(slot);
  auto& completion = sequence->completion;
  completion.finish_reason = reason;
  const auto& origin = sequence->start.origin;
  if (origin.engine == engine_)
    completions_[static_cast<std::size_t>(origin.request)]
                [static_cast<std::size_t>(origin.sample)] = std::move(completion);
  else
    guests_.push_back({origin, std::move(completion)});
}

bool GenerationRun::has_stop_text(const data::Completion& completion) const {
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
