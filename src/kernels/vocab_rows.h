#pragma once
// Softmax statistics of a chunk of logits and the gradient of the logits, on any device: the steps
// of vocabulary/vocab_logprob.
//
// Maximum, sums and gradient are separate functions, so that ranks that share a split vocabulary
// can reduce between the steps. If one rank holds the whole vocabulary, rows_statistics computes
// all statistics in one step. CPU fp32 runs one fused loop per row. fp32 on GPUs runs one kernel
// for the statistics and one kernel for the gradient. Other dtypes use plain ATen. Letters: C rows
// of the chunk, V vocabulary, K targets of a row. Statistics are fp32, or fp64 for fp64 logits.
// scale = 1 / temperature, z = scale * logits.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// The dtype of statistics: fp64 for fp64 logits, else fp32.
at::ScalarType statistics_dtype(at::ScalarType logits_dtype);

/// Maximum of z over the vocabulary, [C].
at::Tensor rows_max(const at::Tensor& logits, double scale);

struct RowsSum {
  at::Tensor sum;  // [C] sum of e^(z - max)
  at::Tensor dot;  // [C] sum of e^(z - max) (z - max); undefined unless asked for
};
RowsSum rows_sum(const at::Tensor& logits, const at::Tensor& max, double scale, bool with_dot);

/// z at the targets, [C, K].
at::Tensor rows_at(const at::Tensor& logits, const at::Tensor& targets, double scale);

/// All statistics of complete rows of logits [C, V], V >= 1. On GPUs one pass over the logits
/// computes them.
struct RowsStatistics {
  at::Tensor max, sum, dot;  // [C], as in rows_max and RowsSum
  at::Tensor at_targets;     // [C, K]
};
RowsStatistics rows_statistics(const at::Tensor& logits, const at::Tensor& targets, double scale,
                               bool with_dot);

/// The values of each row that the backward pass needs.
struct RowsGradient {
  at::Tensor targets;        // [C, K] int64; the held targets of a row are distinct
  at::Tensor lse;            // [C] log of the sum of e^z
  at::Tensor entropy;        // [C]; undefined if grad_entropy is undefined
  at::Tensor grad_logprobs;  // [C, K]; undefined: zero
  at::Tensor grad_entropy;   // [C]; undefined: zero
  at::Tensor held = {};      // [C, K] bool: whether the logit is present; undefined: all
};
/// Computes the gradient with respect to the logits. The gradient is written to `narrow` [C, V] in
/// narrow's dtype, or over the logits if `narrow` is undefined. The values of the logits are lost
/// in both cases.
at::Tensor rows_gradient_(at::Tensor& logits, const RowsGradient& rows, double scale,
                          const at::Tensor& narrow = {});

/// sum [M, N] += a [M, K] x b [K, N]. The dtype of `sum` may be wider than the dtype of a and b.
/// `product` is working memory [M, N] in b's dtype; the function allocates it when it is needed and
/// undefined.
void add_product_(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, at::Tensor& product);

}  // namespace r1::kernels
