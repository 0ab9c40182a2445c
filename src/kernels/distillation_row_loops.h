#pragma once
// CPU loops over one row of student and teacher logits: the sums of both divergences, and the
// gradient.
//
// zs, zt: scale * logit of student and teacher over the common ids.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// With a = zs - max_student and b = zt - max_teacher: the sums of e^a, e^b, e^a (b - a), e^b (b -
/// a).
struct PairSum {
  float student = 0.0f;
  float teacher = 0.0f;
  float student_dot = 0.0f;
  float teacher_dot = 0.0f;
};
PairSum pair_sum(const float* student, const float* teacher, std::int64_t size, float scale,
                 float max_student, float max_teacher);

/// Inputs of a row's gradient: the log-sum-exps, the reverse divergence, and the weights, which are
/// the gradients of the loss with respect to the three terms.
struct PairGradient {
  float scale;
  float lse_student, lse_teacher;  // at the temperature, over the common ids
  float lse_hard;                  // at temperature 1, over the student's whole vocabulary
  float reverse_kl;
  float forward_weight, reverse_weight, hard_weight;
};
/// Replaces the student's logits (`vocab` entries, of which the teacher has the first `common`) by
/// the gradient without the target's own term -hard_weight.
void pair_gradient(float* student, const float* teacher, std::int64_t common, std::int64_t vocab,
                   const PairGradient& row);

}  // namespace r1::kernels
