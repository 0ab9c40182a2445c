#pragma once
// Attention metadata: which token of a flat batch attends to which, as the forward pass of a model
// takes it.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>
#include <vector>

#include "kernels/packed_attention.h"
#include "kernels/paged_attention.h"
#include "kernels/rotate_into_cache.h"
#include "parallel/communicator.h"
#include "parallel/context_split.h"

namespace r1::nn {

/// Tokens [start, start + length) of the flat batch. The tokens attend causally to each other and,
/// if `prefix` >= 0, to all tokens of segment `prefix`. A prefix is a group's shared prompt,
/// computed once; a prefix has no prefix of its own.
struct Segment {
  std::int64_t start = 0;
  std::int64_t length = 0;
  std::int64_t prefix = -1;
};

/// `length` tokens of the flat batch that follow `past` tokens of their sequence, whose keys and
/// values are in the cache.
struct ContinuedSegment {
  std::int64_t length = 0;
  std::int64_t past = 0;
};

/// Keys and values of all layers; owned by generation, shaped by models::CacheLayout: keys
/// [num_blocks, K, block_size, key_dim], values [num_blocks, K, block_size, value_dim]. With
/// `values_in_keys` the values are views of the first columns of the keys and are never written.
struct KvCache {
  std::vector<at::Tensor> keys;
  std::vector<at::Tensor> values;
  std::int64_t block_size = 0;
  bool values_in_keys = false;
  /// The router decisions of the tokens whose keys are cached (ExpertDecisions in models/model.h),
  /// int16 [num_blocks, block_size, decisions]: a block that is shared or found again has those
  /// that its keys were computed with. Undefined: not recorded.
  at::Tensor experts = {};
};

struct AttentionMetadata {
  std::variant<kernels::PackedAttention, kernels::PagedAttention> pattern;
  KvCache* cache = nullptr;     // receives the batch's keys and values; null: no cache
  kernels::CachePlaces places;  // each token's place in the cache
  /// The ranks that hold the batch's tokens together (make_context_attention); null: this rank
  /// holds all tokens.
  parallel::Communicator* context = nullptr;
};

/// Makes a packed batch: with `lengths` for bf16 on a GPU, else with runs. Segments must be
/// consecutive, each prefix directly before its continuations. Throws: InternalError otherwise.
kernels::PackedAttention make_packed_attention(const std::vector<Segment>& segments,
                                               at::ScalarType dtype, at::Device device);
/// make_packed_attention in the form of flash attention, whatever the device.
kernels::PackedAttention make_variable_lengths(const std::vector<Segment>& segments,
                                               at::Device device);
/// Pieces of sequences, each of which attends causally to itself and to the cached tokens before
/// it. `key_places`: of past + length tokens of each segment, segment by segment. Without
/// gradients.
kernels::PackedAttention make_continued_attention(const std::vector<ContinuedSegment>& segments,
                                                  kernels::CachePlaces key_places,
                                                  at::ScalarType dtype, at::Device device);
/// The packed batch of `segments` for the rank `rank` of a context axis: the queries are the rows
/// of that rank, and key_rows are rows of the keys and values of all ranks, one rank's rows behind
/// another's. A row of padding attends to padding alone.
kernels::PackedAttention make_context_attention(const std::vector<Segment>& segments,
                                                const parallel::ContextSplit& split, int rank,
                                                at::ScalarType dtype, at::Device device);

}  // namespace r1::nn
