#pragma once
// Attention of packed sequences (training, scoring, prefill): several sequences behind one another
// in one batch, each of which attends to itself.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <vector>

#include "kernels/rotate_into_cache.h"

namespace r1::kernels {

/// A run of segments that attend to nothing outside the run: one sequence, or one prefix with its
/// continuations. Its keys are those of `past` cached tokens and its own.
struct AttentionRun {
  std::int64_t length = 0;
  // Additive mask [length, past + length], 0 or -inf, in the compute dtype; undefined: each token
  // sees all keys up to its own.
  at::Tensor mask;
  std::int64_t past = 0;  // keys of the sequence that are computed already
};

/// A packed batch in the form of flash attention, with all sequences in one call. The queries of
/// segment i attend causally to the keys of segment i; the segment's own tokens are the last of
/// these keys. The keys of a continuation begin with its prefix's keys. Reference: Dao, arXiv
/// 2307.08691.
struct VariableLengths {
  at::Tensor query_ends;  // int32 [segments + 1]: 0, and where each segment's queries end
  at::Tensor key_ends;    // int32 [segments + 1]: 0, and where each segment's keys end
  std::int64_t longest_query = 0;
  std::int64_t longest_keys = 0;
};

/// Packed sequences (training, scoring, prefill).
struct PackedAttention {
  std::vector<AttentionRun> runs;          // consecutive, covering the flat batch; or
  std::optional<VariableLengths> lengths;  // for bf16 on a GPU
  /// int64 [keys]: the rows of key and value that the runs or lengths take, one behind another;
  /// undefined: all rows, in order.
  at::Tensor key_rows = {};
  /// Places of all keys and values in the cache, run by run, the batch's own keys and values
  /// included; none: the keys and values are the batch's own.
  std::optional<CachePlaces> key_places = std::nullopt;
};

/// Whether packed_attention takes `lengths` instead of runs: for bf16 on a GPU, where torch's flash
/// attention computes all sequences in one call.
bool takes_variable_lengths(at::ScalarType dtype, at::Device device);

/// query [T, H, Dk], key [N, K, Dk], value [N, K, Dv] (H a multiple of K) -> [T, H, Dv]. N: T, or
/// with key_rows any number, or with key_places the number of places: the caller reads keys and
/// values from these places. Scores
/// are multiplied by `scale`. The result has the dtype of the query; the softmax is fp32 (fp64 for
/// fp64). Differentiable. The plain form is the one over runs.
at::Tensor packed_attention(const at::Tensor& query, const at::Tensor& key, const at::Tensor& value,
                            const PackedAttention& packed, double scale);

}  // namespace r1::kernels
