#pragma once
// Which token attends to which: the description of a flat batch of tokens that a model's forward
// takes.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/rotate_into_cache.h"

namespace r1::nn {

/// Tokens [start, start + length) of the flat batch. They attend causally to each other and, if
/// `prefix` >= 0, to all tokens of segment `prefix` (a group's shared prompt, computed once; it has
/// no prefix itself).
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

/// A run of segments that attend to nothing outside the run: one sequence, or one prefix with its
/// continuations. Its keys are those of `past` cached tokens and its own.
struct AttentionRun {
  std::int64_t length = 0;
  at::Tensor mask;  // additive [length, past + length], 0 or -inf, in the compute dtype; undefined:
                    // plain causal
  std::int64_t past = 0;
};

/// The same batch as flash attention takes it, all sequences in one call: the queries of segment i
/// see causally its keys, whose last ones are their own; a continuation's keys begin with a copy of
/// its prefix. Reference: Dao, arXiv 2307.08691.
struct VariableLengths {
  at::Tensor query_ends;  // int32 [segments + 1]: 0, and where each segment's queries end
  at::Tensor key_ends;    // int32 [segments + 1]: the same of its keys
  at::Tensor key_rows;    // int64 [keys]: tokens of the batch; undefined: all of them, in order
  std::int64_t longest_query = 0;
  std::int64_t longest_keys = 0;
};

/// Packed sequences (training, scoring, prefill).
struct PackedAttention {
  std::vector<AttentionRun> runs;          // one after another, covering the flat batch; or
  std::optional<VariableLengths> lengths;  // bf16 on a GPU
  /// Where the cache has all keys and values, run by run, the batch's own among them; none: they
  /// are the batch's own.
  std::optional<kernels::CachePlaces> key_places = std::nullopt;
};

/// What reading a cache of K heads with plain ATen takes, the same in every layer.
struct PagedGather {
  at::Tensor rows;  // int64 [T * K * max_blocks]: block * K + head, head by head of each sequence
  at::Tensor mask;  // additive [T, 1, 1, max_blocks * block_size], in the compute dtype
};
PagedGather make_paged_gather(const at::Tensor& block_table, const at::Tensor& context_lengths,
                              std::int64_t num_kv_heads, std::int64_t block_size,
                              at::ScalarType dtype);

/// Every token of the batch is the newest of a cached sequence (decode).
struct PagedAttention {
  at::Tensor block_table;             // int32 [T, max_blocks]
  at::Tensor context_lengths;         // int32 [T], the token itself included
  std::optional<PagedGather> gather;  // what the plain form reads with; made where it is missing
  at::Tensor counters;  // int32 zeros, at least T K: working memory of the CUDA kernel
};

/// Keys and values of all layers; owned by generation, shaped as models::CacheLayout says: keys
/// [num_blocks, K, block_size, key_dim], values [num_blocks, K, block_size, value_dim]. With
/// `values_in_keys` the values are views of the keys' first columns and are never written.
struct KvCache {
  std::vector<at::Tensor> keys;
  std::vector<at::Tensor> values;
  std::int64_t block_size = 0;
  bool values_in_keys = false;
};

struct AttentionMetadata {
  std::variant<PackedAttention, PagedAttention> pattern;
  KvCache* cache = nullptr;     // where keys and values of the batch are written to; null: nowhere
  kernels::CachePlaces places;  // where each token goes there
};

/// A packed batch: with `lengths` for bf16 on a GPU, else with runs. Segments lie one after
/// another, each prefix right before its continuations. Throws: InternalError when they do not.
PackedAttention make_packed_attention(const std::vector<Segment>& segments, at::ScalarType dtype,
                                      at::Device device);
VariableLengths make_variable_lengths(const std::vector<Segment>& segments, at::Device device);
/// Pieces of sequences, each of which attends causally to itself and to the cached tokens before
/// it. `key_places`: of past + length tokens of each segment, segment by segment. Without
/// gradients.
PackedAttention make_continued_attention(const std::vector<ContinuedSegment>& segments,
                                         kernels::CachePlaces key_places, at::ScalarType dtype,
                                         at::Device device);

}  // namespace r1::nn
