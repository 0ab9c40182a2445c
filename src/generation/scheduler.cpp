#include "generation/scheduler.h"

#include <cmath>

#include "base/errors.h"
#include "base/random.h"

namespace r1::generation {
namespace {

/// The part of the cache that new sequences leave free is 1/kReserve. With log-normal lengths (a
/// mean of 4,096 tokens, a limit of 32,768) as many sequences run as without a reserve, and a third
/// of the tokens are computed again. vLLM's watermark is 1/100.
constexpr std::int64_t kReserve = 32;
constexpr std::int64_t kMany = 4;  // free blocks for each running sequence

/// A sequence whose experts are recorded takes over its own blocks alone: what was sampled of it
/// followed the decisions of those.
bool may_take(const PromptGroup& /*group*/, std::size_t /*number*/, std::int32_t /*block*/,
              std::uint64_t /*content*/) {
  return true;
}
bool may_take(const Sequence& sequence, std::size_t number, std::int32_t block,
              std::uint64_t content) {
  if (sequence.completion.experts.empty()) return true;
  const auto& former = sequence.former_blocks;
  return number < former.size() && former[number] == std::pair(block, content);
}

Piece piece_of(PromptGroup& group) {
  return {&group, nullptr, 0, 0};
}
Piece piece_of(Sequence& sequence) {
  return {nullptr, &sequence, 0, 0};
}

}  // namespace

void Scheduler::add_begun(PromptIds prompt, SampleStart start, data::Completion completion) {
  auto sequence = std::make_unique<Sequence>();
  sequence->limit = limit(static_cast<std::int64_t>(prompt->size()), start.seed);
  sequence->prompt = std::move(prompt);
  sequence->start = start;
  sequence->completion = std::move(completion);
  sequence->age = next_age_++;
  add_returning(std::move(sequence));
}

std::int64_t Scheduler::limit(std::int64_t prompt_length, std::uint64_t seed) const {
  const auto most = std::min(options_.max_new_tokens, options_.context - prompt_length);
  if (options_.median_length <= 0.0) return most;
  // Counters of tokens begin at 0.
  constexpr std::uint64_t kLengthCounter = std::uint64_t{1} << 40;
  const double length =
      options_.median_length * std::exp(options_.length_sigma * base::normal(seed, kLengthCounter));
  return std::min(most, std::max<std::int64_t>(1, std::llround(length)));
}

/// What stays free for the sequences that run: a block for each that may still ask for one, and
/// beyond that kReserve of the cache or all that they may ask for. So what is admitted does not set
/// others back at once, whose tokens would have to be computed again.
bool Scheduler::has_room(std::int64_t num_blocks) const {
  std::int64_t num_growing = 0, growth = 0;
  for (const auto& [age, sequence] : running_) {
    const auto more = blocks_for(sequence->most_tokens(), options_.block_size) -
                      static_cast<std::int64_t>(sequence->blocks.size());
    if (more > 0) ++num_growing;
    growth += more;
  }
  const auto reserve = std::min(pool_.num_blocks() / kReserve, growth - num_growing);
  return pool_.num_free() >= num_blocks + num_growing + reserve;
}

/// Gives `waiting`, of which `past` tokens are to be computed, its blocks: those that are found, at
/// most `most_found`, and new ones. False: there is no room for them and `spare` more.
template <class Waiting>
bool Scheduler::admit(Waiting& waiting, std::int64_t past, std::int64_t most_found,
                      std::int64_t num_blocks, std::int64_t spare, std::int64_t& computed) {
  if (!has_room(spare)) return false;  // before prompts are compared
  std::vector<std::int32_t> found;
  const auto piece = piece_of(waiting);
  while (options_.finds_prefixes && static_cast<std::int64_t>(found.size()) < most_found) {
    const auto number = static_cast<std::int64_t>(found.size());
    const auto block =
        pool_.find(found.empty() ? BlockPool::kNoBlock : found.back(), block_tokens(piece, number));
    if (block == BlockPool::kNoBlock) break;
    if (!may_take(waiting, found.size(), block, pool_.content(block))) {
      pool_.release(block);
      break;
    }
    found.push_back(block);
  }
  const auto num_found = static_cast<std::int64_t>(found.size());
  if (!has_room(num_blocks - num_found + spare)) {
    pool_.release(found);
    return false;
  }
  computed = num_found * options_.block_size;
  num_admitted_tokens_ += past;
  num_found_tokens_ += computed;
  waiting.blocks = std::move(found);
  while (static_cast<std::int64_t>(waiting.blocks.size()) < num_blocks)
    waiting.blocks.push_back(pool_.allocate());
  return true;
}

template <class Waiting>
void Scheduler::take_piece(Waiting& waiting, std::int64_t past, std::int64_t& computed,
                           std::int64_t& budget, std::vector<Piece>& pieces) {
  const auto count = std::min(budget, past - computed);
  if (count == 0) return;
  auto piece = piece_of(waiting);
  piece.begin = computed;
  piece.end = computed + count;
  computed += count;
  budget -= count;
  publish(piece);
  pieces.push_back(piece);
}

/// A sample's slot is reserved when its prompt is admitted, so that no prompt waits in the cache
/// for others to end.
std::vector<Piece> Scheduler::next_pieces(std::int64_t budget) {
  const auto size = options_.block_size;
  std::vector<Piece> pieces;
  auto slots = free_slots();
  for (auto& sequence : returning_) {
    if (slots <= 0 || budget == 0) return pieces;
    const auto past = sequence->past();
    const auto wanted = blocks_for(sequence->tokens_ahead(), size);
    while (sequence->blocks.empty() &&
           !admit(*sequence, past, past / size, wanted, 0, sequence->length)) {
      // Behind others it waits for them; the first one must not wait for prompts that wait for it.
      if (num_running() + num_returning() > 0 || !free_a_waiting_one(nullptr)) return pieces;
    }
    --slots;
    take_piece(*sequence, past, sequence->length, budget, pieces);
  }
  for (auto& group : groups_) {
    if (slots <= 0 || budget == 0) return pieces;
    const auto length = group.length();
    // The last token is computed in any case: its logits are needed. One more block is for the
    // first sample's first token.
    if (group.blocks.empty() &&
        !admit(group, length, (length - 1) / size, blocks_for(length, size), 1, group.computed))
      return pieces;
    slots -= static_cast<std::int64_t>(group.samples.size());
    take_piece(group, length, group.computed, budget, pieces);
  }
  return pieces;
}

std::vector<data::TokenId> Scheduler::block_tokens(const Piece& piece, std::int64_t block) const {
  std::vector<data::TokenId> tokens;
  const auto first = block * options_.block_size;
  for (std::int64_t i = 0; i < options_.block_size; ++i) tokens.push_back(piece.token(first + i));
  return tokens;
}

/// Makes the full blocks up to the piece's end known.
void Scheduler::publish(const Piece& piece) {
  if (!options_.finds_prefixes) return;
  const auto& blocks = piece.blocks();
  for (std::int64_t i = 0; i < piece.end / options_.block_size; ++i) {
    const auto number = static_cast<std::size_t>(i);
    if (!pool_.is_published(blocks[number]))
      pool_.publish(blocks[number], i == 0 ? BlockPool::kNoBlock : blocks[number - 1],
                    block_tokens(piece, i));
  }
}

Sequence& Scheduler::begin_running(std::unique_ptr<Sequence> sequence) {
  const auto age = sequence->age;
  return *(running_[age] = std::move(sequence));
}

Sequence* Scheduler::next_returned() {
  if (returning_.empty()) return nullptr;
  auto& first = returning_.front();
  if (first->blocks.empty() || first->length < first->past()) return nullptr;
  auto& sequence = begin_running(std::move(first));
  returning_.pop_front();
  return &sequence;
}

/// Of those that return, the ones that hold blocks: each will need a slot.
std::int64_t Scheduler::num_returning() const {
  return std::count_if(returning_.begin(), returning_.end(),
                       [](const auto& sequence) { return !sequence->blocks.empty(); });
}

Scheduler::StartedSample Scheduler::start_sample() {
  if (groups_.empty() || free_slots() <= num_returning()) return {};
  auto& group = groups_.front();
  if (group.blocks.empty() || !group.is_computed()) return {};
  auto sequence = std::make_unique<Sequence>();
  sequence->prompt = group.prompt;
  sequence->start = group.samples.front();
  sequence->limit = limit(group.length(), sequence->start.seed);
  sequence->length = group.length();
  const bool is_last = group.samples.size() == 1;
  const auto num_shared = is_last ? group.blocks.size()
                                  : static_cast<std::size_t>(group.length() / options_.block_size);
  const auto needed = blocks_for(sequence->tokens_ahead(), options_.block_size) -
                      static_cast<std::int64_t>(num_shared);
  while (!has_room(needed)) {
    // With nothing that runs or returns nobody else would ever free a block.
    if (num_running() + num_returning() > 0) return {};
    R1_CHECK(free_a_waiting_one(&group), "the KV cache of {} blocks holds no sample",
             pool_.num_blocks());
  }
  StartedSample started;
  started.logits = group.logits;
  for (std::size_t i = 0; i < num_shared; ++i) {
    if (!is_last) pool_.retain(group.blocks[i]);
    sequence->blocks.push_back(group.blocks[i]);
  }
  for (std::int64_t i = 0; i < needed; ++i) sequence->blocks.push_back(pool_.allocate());
  if (!is_last && num_shared < group.blocks.size())
    started.copy = {group.blocks[num_shared], sequence->blocks[num_shared]};
  group.samples.pop_front();
  if (is_last) groups_.pop_front();
  sequence->age = next_age_++;
  started.sequence = &begin_running(std::move(sequence));
  return started;
}

std::int64_t Scheduler::missing_blocks() const {
  std::int64_t count = 0;
  for (const auto& [age, sequence] : running_)
    count += std::max<std::int64_t>(0, blocks_for(sequence->tokens_ahead(), options_.block_size) -
                                           static_cast<std::int64_t>(sequence->blocks.size()));
  return count;
}

/// Takes the blocks of the last one that waits and holds some; false: none does.
bool Scheduler::free_a_waiting_one(const PromptGroup* but) {
  for (auto group = groups_.rbegin(); group != groups_.rend(); ++group) {
    if (group->blocks.empty() || &*group == but) continue;
    pool_.release(std::exchange(group->blocks, {}));
    group->computed = 0;
    group->logits.reset();
    return true;
  }
  for (auto sequence = returning_.rbegin(); sequence != returning_.rend(); ++sequence) {
    if ((*sequence)->blocks.empty()) continue;
    pool_.release(std::exchange((*sequence)->blocks, {}));
    (*sequence)->length = 0;
    return true;
  }
  return false;
}

void Scheduler::grow(const std::function<void(Sequence&, std::int32_t block)>& given,
                     const std::function<void(Sequence&)>& set_back) {
  const auto more = pool_.num_free() > kMany * num_running() ? options_.block_size / 2 : 0;
  for (auto place = running_.begin(); place != running_.end(); ++place) {
    auto& sequence = *place->second;
    const auto wanted = blocks_for(sequence.tokens_ahead(more), options_.block_size);
    while (static_cast<std::int64_t>(sequence.blocks.size()) < wanted) {
      if (pool_.num_free() > 0) {
        sequence.blocks.push_back(pool_.allocate());
        given(sequence, sequence.blocks.back());
        continue;
      }
      if (free_a_waiting_one(nullptr)) continue;
      auto& youngest = *running_.rbegin()->second;
      const bool is_last = &youngest == &sequence;
      set_back(youngest);
      ++num_preempted_;
      returning_.push_front(set_aside(youngest));
      if (is_last) return;
    }
  }
}

std::unique_ptr<Sequence> Scheduler::take_out(Sequence& sequence) {
  auto taken = std::move(running_.extract(sequence.age).mapped());
  pool_.release(std::exchange(taken->blocks, {}));
  taken->slot = -1;
  return taken;
}

std::unique_ptr<Sequence> Scheduler::set_aside(Sequence& sequence) {
  publish({nullptr, &sequence, 0, sequence.length});
  sequence.former_blocks.clear();
  for (const auto block : sequence.blocks)
    if (pool_.is_published(block)) sequence.former_blocks.emplace_back(block, pool_.content(block));
  auto taken = take_out(sequence);
  taken->launched = static_cast<std::int64_t>(taken->completion.token_ids.size());
  taken->length = 0;
  return taken;
}

void Scheduler::add_returning(std::unique_ptr<Sequence> sequence) {
  sequence->launched = static_cast<std::int64_t>(sequence->completion.token_ids.size());
  returning_.push_back(std::move(sequence));
}

std::unique_ptr<Sequence> Scheduler::take_last_waiting() {
  if (groups_.empty()) {
    auto sequence = std::move(returning_.back());
    returning_.pop_back();
    pool_.release(std::exchange(sequence->blocks, {}));
    return sequence;
  }
  auto& group = groups_.back();
  auto sequence = std::make_unique<Sequence>();
  sequence->prompt = group.prompt;
  sequence->start = group.samples.back();
  group.samples.pop_back();
  if (group.samples.empty()) {
    pool_.release(group.blocks);
    groups_.pop_back();
  }
  return sequence;
}

std::int64_t Scheduler::num_waiting() const {
  auto count = static_cast<std::int64_t>(returning_.size());
  for (const auto& group : groups_) count += static_cast<std::int64_t>(group.samples.size());
  return count;
}

}  // namespace r1::generation
