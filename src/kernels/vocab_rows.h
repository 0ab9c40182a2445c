#pragma once
// Softmax statistics of a chunk of logits and their gradient, on any device: the steps of
// vocab_logprob.
//
// The steps are apart (maximum, sums, finish) so that a vocabulary split over ranks can reduce
// between them; where one rank holds all of it, the statistics are one step. CPU fp32 runs one
// fused loop a row, fp32 on GPUs one kernel for the statistics and one for the gradient, all else
// plain ATen. C chunk rows, V vocabulary, K targets of a row; statistics are fp32, or fp64 for fp64
// logits. scale = 1 / temperature, z = scale * logits.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// fp64 for fp64, else fp32.
at::ScalarType statistics_dtype(at::ScalarType logits_dtype);

/// max over the vocabulary of z, [C].
at::Tensor rows_max(const at::Tensor& logits, double scale);

struct RowsSum {
  at::Tensor sum;  // [C] sum of e^(z - max)
  at::Tensor dot;  // [C] sum of e^(z - max) (z - max); undefined unless asked for
};
RowsSum rows_sum(const at::Tensor& logits, const at::Tensor& max, double scale, bool with_dot);

/// z at the targets, [C, K].
at::Tensor rows_at(const at::Tensor& logits, const at::Tensor& targets, double scale);

/// All of these of logits [C, V] that are all that there are, V >= 1: one pass over them on GPUs.
struct RowsStatistics {
  at::Tensor max, sum, dot;  // [C], as above
  at::Tensor at_targets;     // [C, K]
};
RowsStatistics rows_statistics(const at::Tensor& logits, const at::Tensor& targets, double scale,
                               bool with_dot);

/// What the backward pass knows of each row.
struct RowsGradient {
  at::Tensor targets;        // [C, K] int64, those that are held distinct in a row
  at::Tensor lse;            // [C] log of the sum of e^z
  at::Tensor entropy;        // [C]; undefined when grad_entropy is
  at::Tensor grad_logprobs;  // [C, K]; undefined: zero
  at::Tensor grad_entropy;   // [C]; undefined: zero
  at::Tensor held = {};      // [C, K] bool, targets whose logit is among these; undefined: all
};
/// The gradient with respect to the logits: written to `narrow` [C, V], in its dtype, or where that
/// is undefined in place of the logits. The logits' values are lost.
at::Tensor rows_gradient_(at::Tensor& logits, const RowsGradient& rows, double scale,
                          const at::Tensor& narrow = {});

/// sum [M, N] += a [M, K] x b [K, N], summed in sum's dtype, which may be wider than that of a and
/// b. `product`: working memory like b's dtype [M, N], which is made where it is needed and
/// undefined.
void add_product_(at::Tensor& sum, const at::Tensor& a, const at::Tensor& b, at::Tensor& product);

}  // namespace r1::kernels
