#pragma once
// Puts sequences side by side in flat micro-batches without padding, a shared prompt once.
#include <cstdint>
#include <span>
#include <vector>

#include "data/types.h"

namespace r1::data {

/// A run of tokens that attends to itself (causally) and to all of its prefix segment, to nothing
/// else: documents do not see each other.
struct Segment {
  std::int64_t start = 0;            // in the flat arrays
  std::int64_t length = 0;           // > 0
  std::int64_t prefix_segment = -1;  // index of an earlier segment without prefix; -1: none
};

/// Where a sample's predicted tokens stand in MicroBatch::loss_rows.
struct SampleRange {
  std::int64_t sample = 0;  // index in the list that was packed
  std::int64_t begin = 0, end = 0;
  std::int64_t first_token = 0;  // first completion token that can be predicted: 1 without a prompt
};

/// T flat tokens in segments, and which hidden states predict which tokens. The last token of a
/// sequence predicts nothing and is not computed. Invariants: segments cover [0, T) in order
/// without gaps; loss_rows, loss_targets and the ranges have the same length; a row of a shared
/// prompt may occur in loss_rows several times (the first tokens of its completions).
struct MicroBatch {
  std::vector<TokenId> token_ids;          // [T]
  std::vector<std::int64_t> position_ids;  // [T], from 0 in each sequence, the prefix counted
  std::vector<std::int64_t> token_uses;    // [T], samples that a token stands for (shared prompts)
  std::vector<std::uint8_t> experts;       // of the T tokens (TrainingSample::experts); empty: none
  std::vector<Segment> segments;
  std::vector<std::int64_t> loss_rows;  // [L] flat positions whose hidden state predicts
  std::vector<TokenId> loss_targets;    // [L] the tokens predicted there
  std::vector<SampleRange> samples;     // equal prompts together, else in the order of `indices`

  std::int64_t num_tokens() const { return static_cast<std::int64_t>(token_ids.size()); }
};

/// Packs samples[i] for i in `indices`. Equal prompts of two or more of them become one prefix
/// segment when `share_prompts`; prompts whose tokens went to different experts are different.
/// Throws: InputError when a sample has nothing to predict, InternalError when `experts` are not
/// those of its tokens.
MicroBatch pack(std::span<const TrainingSample> samples, std::span<const std::int64_t> indices,
                bool share_prompts = true);

/// Splits samples, in order, into lists whose packed size is at most `token_budget` (a longer
/// sequence gets a list of its own). Neighbours with equal prompts share it. Each `together`
/// samples in a row stay in one list.
std::vector<std::vector<std::int64_t>> split_by_tokens(std::span<const TrainingSample> samples,
                                                       std::int64_t token_budget,
                                                       bool share_prompts = true,
                                                       std::int64_t together = 1);

/// Tokens that a sample costs when packed alone.
std::int64_t packed_length(const TrainingSample& sample);
/// The trained part of a rollout: the tokens of answers are read and not predicted.
TrainingSample training_sample(const Rollout& rollout);

}  // namespace r1::data
