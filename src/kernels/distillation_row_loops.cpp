// Row loops of the distillation terms, written so that the compiler vectorises them.
#include "kernels/distillation_row_loops.h"

namespace r1::kernels {
namespace {

R1_INLINE float bounded(float z) {
  return z < -87.0f ? -87.0f : z;
}  // -inf * 0 would be NaN

R1_INLINE float soft_gradient(float student_logit, float teacher_logit, const PairGradient& row) {
  const float log_q = bounded(student_logit * row.scale - row.lse_student);
  const float log_p = bounded(teacher_logit * row.scale - row.lse_teacher);
  const float q = exponential(log_q);
  const float p = exponential(log_p);
  return row.scale * (row.forward_weight * (q - p) +
                      row.reverse_weight * q * ((log_q - log_p) - row.reverse_kl));
}

R1_INLINE float hard_gradient(float student_logit, const PairGradient& row) {
  return row.hard_weight * exponential(student_logit - row.lse_hard);
}

}  // namespace

R1_MULTIVERSION PairSum pair_sum(const float* student, const float* teacher, std::int64_t size,
                                 float scale, float max_student, float max_teacher) {
  float student_sum = 0.0f, teacher_sum = 0.0f, student_dot = 0.0f, teacher_dot = 0.0f;
#pragma omp simd reduction(+ : student_sum, teacher_sum, student_dot, teacher_dot)
  for (std::int64_t i = 0; i < size; ++i) {
    const float a = bounded(student[i] * scale - max_student);
    const float b = bounded(teacher[i] * scale - max_teacher);
    const float student_exp = exponential(a);
    const float teacher_exp = exponential(b);
    student_sum += student_exp;
    teacher_sum += teacher_exp;
    student_dot += student_exp * (b - a);
    teacher_dot += teacher_exp * (b - a);
  }
  return {student_sum, teacher_sum, student_dot, teacher_dot};
}

R1_MULTIVERSION void pair_gradient(float* student, const float* teacher, std::int64_t common,
                                   std::int64_t vocab, const PairGradient& given) {
  const PairGradient row = given;  // a copy cannot alias the stores
#pragma omp simd
  for (std::int64_t i = 0; i < common; ++i) {
    const float x = student[i];
    student[i] = soft_gradient(x, teacher[i], row) + hard_gradient(x, row);
  }
#pragma omp simd
  for (std::int64_t i = common; i < vocab; ++i) student[i] = hard_gradient(student[i], row);
}

}  // namespace r1::kernels
