#pragma once
// Which token attends to which: the description of a flat batch of tokens that a model's forward
// takes.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <variant>
#include <vector>

namespace r1::nn {

/// Tokens [start, start + length) of the flat batch. They attend causally to each other and, if
/// `prefix` >= 0, to all tokens of segment `prefix` (a group's shared prompt, computed once; it has
/// no prefix itself).
struct Segment {
  std::int64_t start = 0;
  std::int64_t length = 0;
  std::int64_t prefix = -1;
};

/// A run of segments that attend to nothing outside the run: one sequence, or one prefix with its
/// continuations.
struct AttentionRun {
  std::int64_t length = 0;
  at::Tensor
      mask;  // additive [length, length], 0 or -inf, in the compute dtype; undefined: plain causal
};

/// Packed sequences (training, scoring, prefill): runs one after another, covering the flat batch.
struct PackedAttention {
  std::vector<AttentionRun> runs;
};

/// Every token of the batch is the newest of a cached sequence (decode).
struct PagedAttention {
  at::Tensor block_table;      // int32 [T, max_blocks]
  at::Tensor context_lengths;  // int32 [T], the token itself included
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
  KvCache* cache = nullptr;  // where keys and values of the batch are written to; null: nowhere
  at::Tensor slots;          // int64 [T]: block * block_size + offset of each token in the cache
};

/// Runs of a packed batch. Segments lie one after another, each prefix right before its
/// continuations. Throws: InternalError when they do not.
PackedAttention make_packed_attention(const std::vector<Segment>& segments, at::ScalarType dtype,
                                      at::Device device);

}  // namespace r1::nn
