#pragma once
// Which samples run and which wait: the queues of an engine and the blocks of the cache that its
// samples hold. Decisions alone: no model, no device.
//
// A sequence takes a block when its tokens reach it. When no block is free the youngest gives its
// own back and waits, ahead of what has not begun; its tokens are computed again when it returns.
// Prompts and returning sequences are computed in pieces, in the order in which they wait.
#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "data/types.h"
#include "generation/balancer.h"
#include "generation/block_pool.h"

namespace r1::generation {

/// The tokens of a prompt, held by all that is left of its samples.
using PromptIds = std::shared_ptr<const std::vector<data::TokenId>>;

/// A sample that has not begun.
struct SampleStart {
  SampleOrigin origin;
  std::uint64_t seed = 0;
};

/// A prompt and its samples that have not begun. blocks[i] holds tokens [i * block_size, (i + 1) *
/// block_size); a prompt without blocks has not been admitted.
struct PromptGroup {
  PromptIds prompt;
  std::deque<SampleStart> samples;
  std::vector<std::int32_t> blocks = {};
  std::int64_t computed = 0;  // tokens whose keys and values are in the cache
  at::Tensor logits = {};  // [1, V] after the last prompt token: the first token of every sample is
                           // drawn from it

  std::int64_t length() const { return static_cast<std::int64_t>(prompt->size()); }
  bool is_computed() const { return computed == length(); }
};

/// A completion that has begun. Blocks as in PromptGroup, of prompt + completion.
struct Sequence {
  PromptIds prompt;
  SampleStart start;
  std::int64_t limit = 0;  // tokens after which the completion is cut off
  std::int64_t age = 0;    // in the order in which sequences began here
  std::vector<std::int32_t> blocks = {};
  std::int64_t length = 0;  // tokens whose keys and values are in the cache
  data::Completion completion = {};
  std::int64_t slot = -1;     // of the decode batch; -1: none
  std::int64_t launched = 0;  // tokens that are drawn or whose step is on its way
  /// The full blocks that it had when it was set aside, with their contents (BlockPool::content).
  std::vector<std::pair<std::int32_t, std::uint64_t>> former_blocks = {};

  std::int64_t prompt_length() const { return static_cast<std::int64_t>(prompt->size()); }
  data::TokenId token(std::int64_t position) const {
    return position < prompt_length()
               ? (*prompt)[static_cast<std::size_t>(position)]
               : completion.token_ids[static_cast<std::size_t>(position - prompt_length())];
  }
  /// Tokens that must be in the cache before it runs: all but the newest, which is fed next.
  std::int64_t past() const {
    return prompt_length() + static_cast<std::int64_t>(completion.token_ids.size()) - 1;
  }
  /// Tokens that the cache may ever hold of it: the last one is never fed.
  std::int64_t most_tokens() const { return prompt_length() + limit - 1; }
  /// Tokens that its blocks must have room for when its next step is launched: the token that is
  /// fed, and the next one, whose place the step looks up at its end. `more`: tokens after those.
  std::int64_t tokens_ahead(std::int64_t more = 0) const {
    return std::max(prompt_length(),
                    std::min(prompt_length() + launched + 1 + more, most_tokens()));
  }
};

/// Tokens [begin, end) of a prompt, or of a sequence that returns, which are computed next. One of
/// the two is not null.
struct Piece {
  PromptGroup* group = nullptr;
  Sequence* sequence = nullptr;
  std::int64_t begin = 0, end = 0;

  data::TokenId token(std::int64_t position) const {
    return sequence != nullptr ? sequence->token(position)
                               : (*group->prompt)[static_cast<std::size_t>(position)];
  }
  const std::vector<std::int32_t>& blocks() const {
    return sequence != nullptr ? sequence->blocks : group->blocks;
  }
  bool ends_prompt() const { return group != nullptr && end == group->length(); }
};

/// Blocks that `tokens` tokens need.
inline std::int64_t blocks_for(std::int64_t tokens, std::int64_t block_size) {
  return (tokens + block_size - 1) / block_size;
}

struct SchedulerOptions {
  std::int64_t block_size = 0;
  std::int64_t max_num_seqs = 0;
  std::int64_t max_new_tokens = 0;
  std::int64_t context = 0;                        // of the model, tokens
  bool finds_prefixes = false;                     // blocks of prompts that begin alike are shared
  double median_length = 0.0, length_sigma = 0.0;  // as in SamplingOptions
};

class Scheduler {
 public:
  /// `pool` outlives it.
  Scheduler(BlockPool& pool, const SchedulerOptions& options) : pool_(pool), options_(options) {}

  /// Behind all that wait.
  void add(PromptGroup group) { groups_.push_back(std::move(group)); }
  /// A completion that began elsewhere, of at least one token.
  void add_begun(PromptIds prompt, SampleStart start, data::Completion completion);

  /// What is computed next, at most `budget` tokens: callers compute it before they ask for
  /// anything else. Admits prompts while their samples may find a slot and blocks are left for the
  /// sequences that run.
  std::vector<Piece> next_pieces(std::int64_t budget);
  /// The sequence at the head of those that return, when all of it is in the cache; it runs then.
  Sequence* next_returned();
  /// The next sample of the first prompt, if that is in the cache and a slot and a block are there;
  /// it runs then. Its first token is drawn from `logits`. With copy.first >= 0 the caller copies
  /// block copy.first to block copy.second before either is written to.
  struct StartedSample {
    Sequence* sequence = nullptr;  // null: none can start
    at::Tensor logits = {};
    std::pair<std::int32_t, std::int32_t> copy{-1, -1};
  };
  StartedSample start_sample();

  /// Blocks that running sequences lack for their next step.
  std::int64_t missing_blocks() const;
  /// Gives each running sequence the blocks of its next step, the oldest first. `given` is told of
  /// each block. While many are free a sequence also gets the one of the steps after, so that a few
  /// steps in a row give none. Where none is free, prompts that wait lose theirs, then the youngest
  /// sequences, which `set_back` is told of while they still run.
  void grow(const std::function<void(Sequence&, std::int32_t block)>& given,
            const std::function<void(Sequence&)>& set_back);
  /// Takes a running sequence out; its blocks are free.
  std::unique_ptr<Sequence> take_out(Sequence& sequence);
  /// Takes a running sequence out that will return: what is computed of it may still be there then.
  std::unique_ptr<Sequence> set_aside(Sequence& sequence);
  /// A sequence that was set aside, behind those that return.
  void add_returning(std::unique_ptr<Sequence> sequence);
  /// Takes out a sample that waits, of the last prompt or of those that return.
  std::unique_ptr<Sequence> take_last_waiting();

  std::int64_t num_running() const { return static_cast<std::int64_t>(running_.size()); }
  /// Samples.
  std::int64_t num_waiting() const;
  std::int64_t free_slots() const { return options_.max_num_seqs - num_running(); }
  /// Tokens after which the completion with this seed is cut off.
  std::int64_t limit(std::int64_t prompt_length, std::uint64_t seed) const;

  // Counts since the beginning.
  std::int64_t num_preempted() const { return num_preempted_; }
  /// Tokens of what was admitted, and those of them that were found in the cache.
  std::int64_t num_admitted_tokens() const { return num_admitted_tokens_; }
  std::int64_t num_found_tokens() const { return num_found_tokens_; }

 private:
  template <class Waiting>
  bool admit(Waiting& waiting, std::int64_t past, std::int64_t most_found, std::int64_t num_blocks,
             std::int64_t spare, std::int64_t& computed);
  template <class Waiting>
  void take_piece(Waiting& waiting, std::int64_t past, std::int64_t& computed, std::int64_t& budget,
                  std::vector<Piece>& pieces);
  void publish(const Piece& piece);
  std::vector<data::TokenId> block_tokens(const Piece& piece, std::int64_t block) const;
  bool has_room(std::int64_t num_blocks) const;
  bool free_a_waiting_one(const PromptGroup* but);
  Sequence& begin_running(std::unique_ptr<Sequence> sequence);
  std::int64_t num_returning() const;

  BlockPool& pool_;
  SchedulerOptions options_;
  std::deque<PromptGroup> groups_;
  std::deque<std::unique_ptr<Sequence>> returning_;            // set back, or begun elsewhere
  std::map<std::int64_t, std::unique_ptr<Sequence>> running_;  // by age
  std::int64_t next_age_ = 0;
  std::int64_t num_preempted_ = 0, num_admitted_tokens_ = 0, num_found_tokens_ = 0;
};

}  // namespace r1::generation
