// Dispatch of the chunk steps of vocab_distillation: fused row loops on the CPU, ATen elsewhere.
#include "kernels/distillation_rows.h"

#include <ATen/ATen.h>

#include "kernels/distillation_row_loops.h"
#include "kernels/vocab_row_dispatch.h"
#include "kernels/vocab_rows.h"

namespace r1::kernels {
namespace {

bool has_pair_loops(const at::Tensor& student, const at::Tensor& teacher) {
  return has_row_loops(student) && has_row_loops(teacher);
}

at::Tensor minus_column(const at::Tensor& logits, double scale, at::ScalarType dtype,
                        const at::Tensor& column) {
  return (logits.to(dtype) * scale).sub_(column.unsqueeze(1));
}

/// hard_weight of the targets that are here, zero for the others.
at::Tensor target_weights(const PairRowsGradient& rows) {
  return rows.held.defined() ? rows.hard_weight * rows.held : rows.hard_weight;
}

void plain_gradient_(at::Tensor& student, const at::Tensor& teacher, const PairRowsGradient& rows,
                     double scale) {
  const at::ScalarType dtype = statistics_dtype(student.scalar_type());
  const at::Tensor log_q =
      minus_column(student.narrow(1, 0, teacher.size(1)), scale, dtype, rows.lse_student);
  const at::Tensor log_p = minus_column(teacher, scale, dtype, rows.lse_teacher);
  const at::Tensor q = log_q.exp();
  const at::Tensor soft =
      (q - log_p.exp()) * rows.forward_weight.unsqueeze(1) +
      q * ((log_q - log_p) - rows.reverse_kl.unsqueeze(1)) * rows.reverse_weight.unsqueeze(1);
  const at::Tensor weight = rows.hard_weight.unsqueeze(1);
  at::Tensor gradient = minus_column(student, 1.0, dtype, rows.lse_hard).exp_().mul_(weight);
  gradient.scatter_add_(1, rows.targets.unsqueeze(1), -target_weights(rows).unsqueeze(1));
  gradient.narrow(1, 0, teacher.size(1)).add_(soft, scale);
  student.copy_(gradient);
}

}  // namespace

PairRowsSum pair_rows_sum(const at::Tensor& student, const at::Tensor& teacher,
                          const at::Tensor& max_student, const at::Tensor& max_teacher,
                          double scale) {
  if (!has_pair_loops(student, teacher)) {
    const at::ScalarType dtype = statistics_dtype(student.scalar_type());
    const at::Tensor a = minus_column(student, scale, dtype, max_student);
    const at::Tensor b = minus_column(teacher, scale, dtype, max_teacher);
    const at::Tensor difference = b - a;
    const at::Tensor student_exp = a.exp(), teacher_exp = b.exp();
    return {student_exp.sum(1), teacher_exp.sum(1), (student_exp * difference).sum(1),
            (teacher_exp * difference).sum(1)};
  }
  const at::Tensor sums = at::empty({4, student.size(0)}, max_student.options());
  float* out = sums.data_ptr<float>();
  const std::int64_t count = student.size(0);
  for_each_row(student, [&](std::int64_t i) {
    const PairSum sum =
        pair_sum(row_of(student, i), row_of(teacher, i), student.size(1), static_cast<float>(scale),
                 max_student.data_ptr<float>()[i], max_teacher.data_ptr<float>()[i]);
    out[i] = sum.student;
    out[count + i] = sum.teacher;
    out[2 * count + i] = sum.student_dot;
    out[3 * count + i] = sum.teacher_dot;
  });
  return {sums[0], sums[1], sums[2], sums[3]};
}

void pair_rows_gradient_(at::Tensor& student, const at::Tensor& teacher,
                         const PairRowsGradient& rows, double scale) {
  if (!has_pair_loops(student, teacher)) return plain_gradient_(student, teacher, rows, scale);
  const at::Tensor numbers =
      at::stack({rows.lse_student, rows.lse_teacher, rows.lse_hard, rows.reverse_kl,
                 rows.forward_weight, rows.reverse_weight, rows.hard_weight, target_weights(rows)},
                1)
          .to(at::kFloat)
          .contiguous();
  const at::Tensor targets = rows.targets.contiguous();
  for_each_row(student, [&](std::int64_t i) {
    const float* n = numbers.data_ptr<float>() + i * numbers.size(1);
    const PairGradient row{static_cast<float>(scale), n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
    pair_gradient(row_of(student, i), row_of(teacher, i), teacher.size(1), student.size(1), row);
    row_of(student, i)[targets.data_ptr<std::int64_t>()[i]] -= n[7];
  });
}

}  // namespace r1::kernels
