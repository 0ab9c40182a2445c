#pragma once
// Divergences of a chunk of student logits from teacher logits and their gradient, on any device:
// the steps of vocab_distillation.
//
// As in vocab_rows.h the steps are apart (maxima by rows_max, sums, finish), and one step where one
// rank holds the whole vocabulary. C chunk rows, S the
// student's vocabulary, N common ids (the first N of both).
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// Sums of distillation_row_loops.h's PairSum, [C] each.
struct PairRowsSum {
  at::Tensor student, teacher, student_dot, teacher_dot;
};
/// student, teacher [C, N]; the maxima are of scale * logits.
PairRowsSum pair_rows_sum(const at::Tensor& student, const at::Tensor& teacher,
                          const at::Tensor& max_student, const at::Tensor& max_teacher,
                          double scale);

/// Maxima and sums of logits that are all that there are, student [C, S] and teacher [C, N], N >=
/// 1, and of the student's logits unscaled: one pass over both on GPUs. [C] each.
struct PairRowsStatistics {
  at::Tensor max_student, max_teacher, max_hard;  // over the common ids, and over all, unscaled
  PairRowsSum sums;
  at::Tensor sum_hard;
};
PairRowsStatistics pair_rows_statistics(const at::Tensor& student, const at::Tensor& teacher,
                                        double scale);

/// Statistics of the rows, and the gradients of the three terms ([C] each; all defined).
struct PairRowsGradient {
  at::Tensor lse_student, lse_teacher, lse_hard, reverse_kl;
  at::Tensor forward_weight, reverse_weight, hard_weight;
  at::Tensor targets;    // [C] int64
  at::Tensor held = {};  // [C] bool, targets that are among these ids; undefined: all
};
/// The gradient with respect to the student's logits [C, S]: written to `narrow` [C, S], in its
/// dtype, or where that is undefined in place of the logits. The logits' values are lost. teacher
/// [C, N], N <= S, may be 0.
at::Tensor pair_rows_gradient_(at::Tensor& student, const at::Tensor& teacher,
                               const PairRowsGradient& rows, double scale,
                               const at::Tensor& narrow = {});

}  // namespace r1::kernels
