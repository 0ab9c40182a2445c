#pragma once
// Attention metadata: which token of a flat batch attends to which, as the forward pass of a model
// takes it.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "kernels/rotate_into_cache.h"

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

/// A run of segments that attend to nothing outside the run: one sequence, or one prefix with its
/// continuations. Its keys are those of `past` cached tokens and its own.
struct AttentionRun {
  std::int64_t length = 0;
  // Additive mask [length, past + length], 0 or -inf, in the compute dtype; undefined: plain
  // causal.
  at::Tensor mask;
  std::int64_t past = 0;  // keys of the sequence that are computed already
};

/// A packed batch in the form of flash attention, with all sequences in one call. The queries of
/// segment i attend causally to the keys of segment i; the segment's own tokens are the last of
/// these keys. The keys of a continuation begin with a copy of its prefix's keys. Reference: Dao,
/// arXiv 2307.08691.
struct VariableLengths {
  at::Tensor query_ends;  // int32 [segments + 1]: 0, and where each segment's queries end
  at::Tensor key_ends;    // int32 [segments + 1]: 0, and where each segment's keys end
  at::Tensor key_rows;    // int64 [keys]: tokens of the batch; undefined: all tokens, in order
  std::int64_t longest_query = 0;
  std::int64_t longest_keys = 0;
};

/// Packed sequences (training, scoring, prefill).
struct PackedAttention {
  std::vector<AttentionRun> runs;          // consecutive, covering the flat batch; or
  std::optional<VariableLengths> lengths;  // for bf16 on a GPU
  /// Places of all keys and values in the cache, run by run, the batch's own keys and values
  /// included; none: the keys and values are the batch's own.
  std::optional<kernels::CachePlaces> key_places = std::nullopt;
};

/// The index and mask with which plain ATen reads a cache of K heads, equal for all layers.
struct PagedGather {
  at::Tensor rows;  // int64 [T * K * max_blocks]: block * K + head, head by head of each sequence
  at::Tensor mask;  // additive [T, 1, 1, max_blocks * block_size], in the compute dtype
};
PagedGather make_paged_gather(const at::Tensor& block_table, const at::Tensor& context_lengths,
                              std::int64_t num_kv_heads, std::int64_t block_size,
                              at::ScalarType dtype);

/// A decode batch: every token is the newest token of a cached sequence.
struct PagedAttention {
  at::Tensor block_table;             // int32 [T, max_blocks]
  at::Tensor context_lengths;         // int32 [T], including the token itself
  std::optional<PagedGather> gather;  // for the plain form, which makes it if it is missing
  at::Tensor counters;  // int32 zeros, at least T K: working memory of the CUDA kernel
};

/// Keys and values of all layers; owned by generation, shaped by models::CacheLayout: keys
/// [num_blocks, K, block_size, key_dim], values [num_blocks, K, block_size, value_dim]. With
/// `values_in_keys` the values are views of the first columns of the keys and are never written.
struct KvCache {
  std::vector<at::Tensor> keys;
  std::vector<at::Tensor> values;
  std::int64_t block_size = 0;
  bool values_in_keys = false;
};

struct AttentionMetadata {
  std::variant<PackedAttention, PagedAttention> pattern;
  KvCache* cache = nullptr;     // receives the batch's keys and values; null: no cache
  kernels::CachePlaces places;  // each token's place in the cache
};

/// Makes a packed batch: with `lengths` for bf16 on a GPU, else with runs. Segments must be
/// consecutive, each prefix directly before its continuations. Throws: InternalError otherwise.
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
