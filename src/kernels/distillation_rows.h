#pragma once
// Divergences of a chunk of student logits from teacher logits and their gradient, on any device:
// the steps of vocabulary/vocab_distillation.
//
// As in vocab_rows.h, maxima (by rows_max), sums and gradient are separate functions, and one
// function computes all statistics if one rank holds the whole vocabulary. Letters: C rows of the
// chunk, S ids of the student's vocabulary, N common ids (the first N of both vocabularies).
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// The sums of PairSum in distillation_row_loops.h, [C] each.
struct PairRowsSum {
  at::Tensor student, teacher, student_dot, teacher_dot;
};
/// student, teacher: [C, N]. The maxima are maxima of scale * logits.
PairRowsSum pair_rows_sum(const at::Tensor& student, const at::Tensor& teacher,
                          const at::Tensor& max_student, const at::Tensor& max_teacher,
                          double scale);

/// Maxima and sums of complete rows: student [C, S], teacher [C, N], N >= 1; and of the student's
/// logits at temperature 1. On GPUs one pass over both matrices computes them. [C] each.
struct PairRowsStatistics {
  // max_student and max_teacher: over the common ids, scaled; max_hard: over all ids, at
  // temperature 1.
  at::Tensor max_student, max_teacher, max_hard;
  PairRowsSum sums;
  at::Tensor sum_hard;
};
PairRowsStatistics pair_rows_statistics(const at::Tensor& student, const at::Tensor& teacher,
                                        double scale);

/// Statistics of the rows, and the gradients of the loss with respect to the three terms. [C] each,
/// all defined.
struct PairRowsGradient {
  at::Tensor lse_student, lse_teacher, lse_hard, reverse_kl;
  at::Tensor forward_weight, reverse_weight, hard_weight;
  at::Tensor targets;    // [C] int64
  at::Tensor held = {};  // [C] bool: whether the target is among these ids; undefined: all
};
/// Computes the gradient with respect to the student's logits [C, S]. The gradient is written to
/// `narrow` [C, S] in narrow's dtype, or over the logits if `narrow` is undefined. The values of
/// the logits are lost in both cases. teacher: [C, N], 0 <= N <= S.
at::Tensor pair_rows_gradient_(at::Tensor& student, const at::Tensor& teacher,
                               const PairRowsGradient& rows, double scale,
                               const at::Tensor& narrow = {});

}  // namespace r1::kernels
