#include "generation/generation_run.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "kernels/cuda/kernel_table.h"
#include "models/expert_decisions.h"
#include "vocabulary/vocab_head.h"

namespace r1::generation {
namespace {

/// Tokens side by side, and where the cache has each.
struct PackedTokens {
  std::vector<std::int64_t> tokens, positions, blocks, offsets;

  std::int64_t size() const { return static_cast<std::int64_t>(tokens.size()); }
  /// Tokens from `begin` to the piece's end.
  void add(const Piece& piece, std::int64_t begin, std::int64_t block_size) {
    for (auto i = begin; i < piece.end; ++i) {
      tokens.push_back(piece.token(i));
      positions.push_back(i);
      blocks.push_back(piece.blocks()[static_cast<std::size_t>(i / block_size)]);
      offsets.push_back(i % block_size);
    }
  }
};

}  // namespace

GenerationRun::GenerationRun(const models::Model& model, const EngineOptions& options,
                             CacheMemory& memory, std::span<const Request> requests,
                             const SamplingOptions& sampling, const StopRules& stop,
                             Balancer* balancer, TurnTaker* turns)
    : model_(model),
      options_(options),
      memory_(memory),
      sampling_(sampling),
      stop_(stop),
      balancer_(balancer),
      turns_(turns),
      engine_(balancer ? balancer->engine() : 0),
      lockstep_(model),
      scheduler_(memory.pool, {options.block_size, options.max_num_seqs, sampling.max_new_tokens,
                               model.shape().max_position_embeddings, options.enable_prefix_caching,
                               sampling.median_length, sampling.length_sigma}),
      slots_(static_cast<std::size_t>(options.max_num_seqs), nullptr) {
  memory_.batch->begin(sampling, stop);
  for (const auto& request : requests) add(request);
}

/// Samples that have begun return; the others begin.
void GenerationRun::add(const Request& request) {
  PromptGroup group{std::make_shared<std::vector<data::TokenId>>(request.prompt_ids), {}};
  const auto number = static_cast<std::int64_t>(completions_.size());
  completions_.emplace_back(request.seeds.size());
  for (std::size_t i = 0; i < request.seeds.size(); ++i) {
    const SampleStart start{{engine_, number, static_cast<std::int64_t>(i), request.group},
                            request.seeds[i]};
    if (i >= request.begun.size() || request.begun[i].token_ids.empty()) {
      group.samples.push_back(start);
      continue;
    }
    auto begun = request.begun[i];
    if (static_cast<std::int64_t>(begun.token_ids.size()) >=
        scheduler_.limit(group.length(), start.seed)) {  // the limit is a lower one now
      begun.finish_reason = data::FinishReason::Length;
      completions_.back()[i] = std::move(begun);
      finished_.push_back(request.group);
    } else {
      scheduler_.add_begun(group.prompt, start, std::move(begun));
    }
  }
  if (!group.samples.empty()) scheduler_.add(std::move(group));
}

std::vector<std::vector<data::Completion>> GenerationRun::run(
    const std::function<bool()>& goes_on) {
  const auto interval =
      balancer_ ? balancer_->interval() : std::numeric_limits<std::int64_t>::max();
  do {
    decode_until(statistics_.decode_steps + interval, goes_on);
    lockstep_.finish();
  } while (balancer_ && balancer_->balance(*this));
  end_all(data::FinishReason::Unfinished);  // nothing, unless the balancer ended the sampling
  if (balancer_)
    for (auto& [origin, completion] : balancer_->settle(std::move(guests_)))
      completions_[static_cast<std::size_t>(origin.request)]
                  [static_cast<std::size_t>(origin.sample)] = std::move(completion);
  statistics_.preempted = scheduler_.num_preempted();
  statistics_.prefix_tokens = scheduler_.num_found_tokens();
  statistics_.admitted_tokens = scheduler_.num_admitted_tokens();
  return std::move(completions_);
}

/// Stops earlier when nothing is left. At the end no call is under way.
void GenerationRun::decode_until(std::int64_t last_step, const std::function<bool()>& goes_on) {
  const auto is_idle = [this] { return scheduler_.num_running() + scheduler_.num_waiting() == 0; };
  while (statistics_.decode_steps < last_step) {
    take_answers(/*all=*/is_idle());
    admit();
    if (is_idle() && asking_.empty()) break;
    // With nothing that runs more of the prompts must be computed first.
    if (anyone_needs_more())
      decode();
    else
      collect_all();
    if (turns_) turns_->progress();
    if (goes_on && !goes_on()) end_all(data::FinishReason::Length);
  }
  collect_all();
  take_answers(/*all=*/true);
}

/// Ends all that runs or waits, with the tokens that are drawn.
void GenerationRun::end_all(data::FinishReason reason) {
  collect_all();
  for (auto* sequence : std::vector<Sequence*>(slots_)) {
    if (sequence == nullptr) continue;
    memory_.batch->clear(sequence->slot);
    finish(*sequence, reason);
  }
  while (scheduler_.num_waiting() > 0) deliver(scheduler_.take_last_waiting(), reason);
}

/// Between two decode steps: samples of prompts that are in the cache start, and one pass computes
/// what waits, within the step's tokens.
void GenerationRun::admit() {
  while (start_samples()) {
  }  // those that end with their first token leave their slots
  const bool computed = compute_pieces();
  while (start_samples()) {
  }
  R1_CHECK(computed || scheduler_.num_running() > 0 || scheduler_.num_waiting() == 0,
           "the KV cache of {} blocks holds no sample", memory_.pool.num_blocks());
}

/// One pass over pieces of prompts and of sequences that return. A sequence's newest token comes
/// with the next decode step. False: nothing was computed, and none returned.
bool GenerationRun::compute_pieces() {
  const auto budget =
      std::max<std::int64_t>(1, options_.max_num_batched_tokens - scheduler_.num_running());
  const auto pieces = scheduler_.next_pieces(budget);
  if (!pieces.empty()) take_logits(pieces, prefill_pass(pieces));
  bool returned = false;
  while (auto* sequence = scheduler_.next_returned()) {
    place(*sequence);
    returned = true;
  }
  return returned || !pieces.empty();
}

/// False: none could start.
bool GenerationRun::start_samples() {
  std::vector<Sequence*> started;
  std::vector<std::int64_t> slots, copy_from, copy_to;
  std::vector<at::Tensor> logits;
  for (auto next = scheduler_.start_sample(); next.sequence != nullptr;
       next = scheduler_.start_sample()) {
    place(*next.sequence);
    started.push_back(next.sequence);
    slots.push_back(next.sequence->slot);
    logits.push_back(next.logits);
    if (next.copy.first < 0) continue;
    copy_from.push_back(next.copy.first);
    copy_to.push_back(next.copy.second);
  }
  if (started.empty()) return false;
  copy_blocks(memory_.cache, copy_from, copy_to);
  append_tokens(memory_.batch->draw(at::cat(logits), slots), started);
  return true;
}

/// Launches a step for every running sequence, and reads the one before.
void GenerationRun::decode() {
  reserve_blocks();
  if (!anyone_needs_more()) return;  // what was collected there were the last tokens
  compact();
  count_step();
  std::int64_t longest = 0;
  std::vector<Sequence*> rows(slots_.begin(), slots_.begin() + num_used_slots());
  for (auto* sequence : rows) {
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

/// Gives every sequence the blocks that the next step may write into. Where they do not suffice,
/// the steps on their way are read first: what ended there frees blocks, and what is set back takes
/// all of its tokens along.
void GenerationRun::reserve_blocks() {
  const auto missing = scheduler_.missing_blocks();
  if (missing == 0) return;
  if (missing > memory_.pool.num_free()) collect_all();
  scheduler_.grow(
      [this](const Sequence& sequence, std::int32_t block) {
        memory_.batch->add_block(sequence.slot,
                                 static_cast<std::int64_t>(sequence.blocks.size()) - 1, block);
      },
      [this](Sequence& sequence) {
        memory_.batch->clear(sequence.slot);
        leave_slot(sequence);
        take_experts(sequence);
      });
}

void GenerationRun::count_step() {
  statistics_.running_steps += scheduler_.num_running();
  statistics_.waiting_steps += scheduler_.num_waiting();
  statistics_.most_blocks =
      std::max(statistics_.most_blocks, memory_.pool.num_blocks() - memory_.pool.num_free());
}

/// Moves the last sequences into free slots where a step then computes fewer rows.
void GenerationRun::compact() {
  const auto rows = memory_.batch->rows_for(scheduler_.num_running());
  std::int64_t free = 0;
  for (auto last = num_used_slots() - 1; last >= rows; last = num_used_slots() - 1) {
    while (slots_[static_cast<std::size_t>(free)] != nullptr) ++free;
    memory_.batch->move(last, free);
    auto& to = slots_[static_cast<std::size_t>(free)];
    to = std::exchange(slots_[static_cast<std::size_t>(last)], nullptr);
    to->slot = free;
  }
}

/// One more than the last slot that is in use.
std::int64_t GenerationRun::num_used_slots() const {
  auto count = static_cast<std::int64_t>(slots_.size());
  while (count > 0 && slots_[static_cast<std::size_t>(count - 1)] == nullptr) --count;
  return count;
}

/// Whether a step draws a token for someone, as far as is known here.
bool GenerationRun::anyone_needs_more() const {
  return std::any_of(slots_.begin(), slots_.end(), [](const auto* sequence) {
    return sequence != nullptr && sequence->launched < sequence->limit;
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

/// Final hidden states of the pieces, whose keys and values are in the cache then.
at::Tensor GenerationRun::prefill_pass(const std::vector<Piece>& pieces) {
  PackedTokens own, all;  // `all`: with the cached tokens before each piece
  std::vector<nn::Segment> segments;
  std::vector<nn::ContinuedSegment> continued;
  bool are_whole = true;
  for (const auto& piece : pieces) {
    const auto length = piece.end - piece.begin;
    segments.push_back({own.size(), length, -1});
    continued.push_back({length, piece.begin});
    are_whole = are_whole && piece.begin == 0;
    own.add(piece, piece.begin, memory_.cache.block_size);
    all.add(piece, 0, memory_.cache.block_size);
  }
  const auto to_device = [&](const std::vector<std::int64_t>& values) {
    return at::tensor(values, at::kLong).to(model_.device());
  };
  const auto places_of = [&](const PackedTokens& tokens) {
    return kernels::CachePlaces{to_device(tokens.blocks), to_device(tokens.offsets)};
  };
  models::ModelInput input{
      to_device(own.tokens),
      to_device(own.positions),
      {are_whole ? nn::make_packed_attention(segments, model_.dtype(), model_.device())
                 : nn::make_continued_attention(continued, places_of(all), model_.dtype(),
                                                model_.device()),
       &memory_.cache, places_of(own)}};
  input.experts.given = given_experts(pieces);
  statistics_.prompt_tokens += own.size();
  lockstep_.begin_pass();
  return forward_into_cache(model_, input);
}

/// The experts that sequences which are computed again went to before: what is sampled next then
/// follows the decisions that are recorded for it.
at::Tensor GenerationRun::given_experts(const std::vector<Piece>& pieces) const {
  const auto is_given = [](const Piece& piece) {
    return piece.sequence != nullptr && !piece.sequence->completion.experts.empty();
  };
  if (!memory_.cache.experts.defined() || std::none_of(pieces.begin(), pieces.end(), is_given))
    return {};
  std::vector<at::Tensor> rows;
  for (const auto& piece : pieces) {
    auto given = at::full({piece.end - piece.begin, memory_.cache.experts.size(2)}, -1, at::kShort);
    if (is_given(piece)) {
      const auto known =
          models::decisions_from_bytes(piece.sequence->completion.experts, model_.shape());
      const auto count = std::min(known.size(0), piece.end) - piece.begin;
      if (count > 0) given.narrow(0, 0, count).copy_(known.narrow(0, piece.begin, count));
    }
    rows.push_back(given);
  }
  return at::cat(rows).to(model_.device());
}

/// Adds the decisions that the cache has of a sequence that leaves its blocks.
void GenerationRun::take_experts(Sequence& sequence) const {
  if (!memory_.cache.experts.defined()) return;
  auto& experts = sequence.completion.experts;
  const auto known =
      static_cast<std::int64_t>(experts.size()) / models::decision_bytes_per_token(model_.shape());
  if (known >= sequence.length) return;
  const auto bytes = models::decisions_to_bytes(
      cached_decisions(model_, memory_.cache, sequence.blocks, known, sequence.length),
      model_.shape());
  experts.insert(experts.end(), bytes.begin(), bytes.end());
}

/// Gives prompts that are whole now the logits after their last token.
void GenerationRun::take_logits(const std::vector<Piece>& pieces, const at::Tensor& hidden) const {
  std::vector<std::int64_t> rows;
  std::int64_t end = 0;
  for (const auto& piece : pieces) {
    end += piece.end - piece.begin;
    if (piece.ends_prompt()) rows.push_back(end - 1);
  }
  if (rows.empty()) return;
  const auto logits = vocabulary::gather_logits(
      hidden.index_select(0, at::tensor(rows, at::kLong).to(model_.device())), model_.head());
  std::int64_t row = 0;
  for (const auto& piece : pieces)
    if (piece.ends_prompt()) piece.group->logits = logits.narrow(0, row++, 1);
}

/// Gives a sequence the first free slot, which stands behind its newest token: the last one of its
/// prompt, which is in the cache, or one that was drawn before and is fed next.
void GenerationRun::place(Sequence& sequence) {
  std::size_t slot = 0;
  while (slots_[slot] != nullptr) ++slot;
  slots_[slot] = &sequence;
  sequence.slot = static_cast<std::int64_t>(slot);
  const auto& ids = sequence.completion.token_ids;
  memory_.batch->fill({sequence.slot, ids.empty() ? 0 : ids.back(), sequence.past(),
                       sequence.start.seed, static_cast<std::int64_t>(ids.size()), sequence.limit,
                       sequence.blocks});
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
    end_turn(sequence, static_cast<int>(values[kernels::kState][row]));
  }
}

/// What follows the newest token of a sequence, if the sequence does not simply go on.
void GenerationRun::end_turn(Sequence& sequence, int state) {
  const bool ended = state == kernels::kEnded || has_stop_text(sequence.completion);
  const auto turn = turns_ ? turns_->turn_end(sequence.completion, ended) : TurnEnd::No;
  if (!ended && turn == TurnEnd::No) {
    if (state == kernels::kAtLimit) finish(sequence, data::FinishReason::Length);
    return;
  }
  if (state == kernels::kGoesOn) memory_.batch->clear(sequence.slot);
  if (turn != TurnEnd::Answered)
    finish(sequence, data::FinishReason::Stop);
  else if (state == kernels::kAtLimit)
    finish(sequence, data::FinishReason::Length);
  else
    ask(sequence, ended);
}

void GenerationRun::ask(Sequence& sequence, bool ended) {
  ++statistics_.calls;
  turns_->ask(sequence.start.origin, sequence.completion, ended);
  leave_slot(sequence);
  take_experts(sequence);
  asking_.push_back(
      {scheduler_.set_aside(sequence), statistics_.decode_steps + turns_->wait_steps()});
}

/// Those that are due, or all.
void GenerationRun::take_answers(bool all) {
  while (!asking_.empty() && (all || asking_.front().due <= statistics_.decode_steps)) {
    auto sequence = std::move(asking_.front().sequence);
    asking_.pop_front();
    continue_with(std::move(sequence), turns_->next_answer());
  }
}

/// The sequence goes on behind the answer, of which nothing is in the cache yet.
void GenerationRun::continue_with(std::unique_ptr<Sequence> sequence, TurnAnswer answer) {
  auto& completion = sequence->completion;
  if (answer.done) answer.token_ids.clear();
  const auto begin = static_cast<std::int64_t>(completion.token_ids.size());
  const auto end = begin + static_cast<std::int64_t>(answer.token_ids.size());
  if (end >= sequence->limit && !answer.done)
    return deliver(std::move(sequence), data::FinishReason::Length);
  completion.token_ids.insert(completion.token_ids.end(), answer.token_ids.begin(),
                              answer.token_ids.end());
  answer.answer.begin = begin;
  answer.answer.end = end;
  completion.answers.push_back(std::move(answer.answer));
  if (answer.done)
    deliver(std::move(sequence), data::FinishReason::Stop);
  else
    scheduler_.add_returning(std::move(sequence));
}

/// Frees a slot; steps on their way draw nothing for its sequence any more.
void GenerationRun::leave_slot(Sequence& sequence) {
  slots_[static_cast<std::size_t>(sequence.slot)] = nullptr;
  for (auto& rows : in_flight_)
    std::replace(rows.begin(), rows.end(), &sequence, static_cast<Sequence*>(nullptr));
}

void GenerationRun::finish(Sequence& running, data::FinishReason reason) {
  leave_slot(running);
  take_experts(running);
  deliver(scheduler_.take_out(running), reason);
}

/// A completion that has ended, for the engine that was asked for it.
void GenerationRun::deliver(std::unique_ptr<Sequence> sequence, data::FinishReason reason) {
  auto& completion = sequence->completion;
  completion.finish_reason = reason;
  const auto& origin = sequence->start.origin;
  if (reason != data::FinishReason::Unfinished) finished_.push_back(origin.group);
  if (origin.engine == engine_)
    completions_[static_cast<std::size_t>(origin.request)]
                [static_cast<std::size_t>(origin.sample)] = std::move(completion);
  else
    guests_.push_back({origin, std::move(completion)});
}

bool GenerationRun::has_stop_text(const data::Completion& completion) const {
  if (sampling_.stop.empty() || !stop_.decode) return false;
  auto own = std::span(completion.token_ids);  // of this turn: an answer stops nothing
  if (!completion.answers.empty())
    own = own.subspan(static_cast<std::size_t>(completion.answers.back().end));
  const auto text = stop_.decode(own);
  return std::any_of(sampling_.stop.begin(), sampling_.stop.end(),
                     [&](const std::string& s) { return text.find(s) != std::string::npos; });
}

}  // namespace r1::generation
