#pragma once
// Divergences of a chunk of student logits from teacher logits and their gradient, on any device:
// the steps of vocab_distillation.
//
// As in vocab_rows.h the steps are apart (maxima by rows_max, sums, finish). C chunk rows, S the
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

/// Statistics of the rows, and the gradients of the three terms ([C] each; all defined).
struct PairRowsGradient {
  at::Tensor lse_student, lse_teacher, lse_hard, reverse_kl;
  at::Tensor forward_weight, reverse_weight, hard_weight;
  at::Tensor targets;    // [C] int64
  at::Tensor held = {};  // [C] bool, targets that are among these ids; undefined: all
};
/// Replaces the student's logits [C, S] by the gradient with respect to them. teacher [C, N], N <=
/// S, may be 0.
void pair_rows_gradient_(at::Tensor& student, const at::Tensor& teacher,
                         const PairRowsGradient& rows, double scale);

}  // namespace r1::kernels
