// Selects the implementation of the steps of vocab_distillation: fused row loops on the CPU,
// kernels on GPUs, ATen otherwise.
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

/// [C, 8] fp32: what a kernel takes of each row.
at::Tensor row_numbers(const PairRowsGradient& rows) {
  return at::stack(
             {rows.lse_student, rows.lse_teacher, rows.lse_hard, rows.reverse_kl,
              rows.forward_weight, rows.reverse_weight, rows.hard_weight, target_weights(rows)},
             1)
      .to(at::kFloat)
      .contiguous();
}

void loop_gradient_(at::Tensor& student, const at::Tensor& teacher, const PairRowsGradient& rows,
                    double scale) {
  const at::Tensor numbers = row_numbers(rows);
  const at::Tensor targets = rows.targets.contiguous();
  for_each_row(student, [&](std::int64_t i) {
    const float* n = numbers.data_ptr<float>() + i * numbers.size(1);
    const PairGradient row{static_cast<float>(scale), n[0], n[1], n[2], n[3], n[4], n[5], n[6]};
    pair_gradient(row_of(student, i), row_of(teacher, i), teacher.size(1), student.size(1), row);
    row_of(student, i)[targets.data_ptr<std::int64_t>()[i]] -= n[7];
  });
}

bool has_pair_kernels(const at::Tensor& student, const at::Tensor& teacher) {
  return student.scalar_type() == at::kFloat && teacher.scalar_type() == at::kFloat &&
         has_row_kernels(student) && has_row_kernels(teacher);
}

PairRowsStatistics statistics_cuda(const at::Tensor& student, const at::Tensor& teacher,
                                   double scale) {
  auto out = at::empty({8, student.size(0)}, student.options());
  const auto& table = *cuda_kernels();
  table.pair_statistics(student.const_data_ptr<float>(), student.stride(0), student.size(1),
                        teacher.const_data_ptr<float>(), teacher.stride(0), teacher.size(1),
                        student.size(0), static_cast<float>(scale), out.mutable_data_ptr<float>(),
                        current_cuda_stream(student));
  check_launch(table, "pair_statistics");
  return {out[0], out[1], out[2], {out[3], out[4], out[5], out[6]}, out[7]};
}

void gradient_cuda(const at::Tensor& student, const at::Tensor& teacher,
                   const PairRowsGradient& rows, double scale, const at::Tensor& out) {
  const at::Tensor numbers = row_numbers(rows), targets = rows.targets.contiguous();
  const auto& table = *cuda_kernels();
  table.pair_gradient(student.const_data_ptr<float>(), student.stride(0), student.size(1),
                      teacher.const_data_ptr<float>(), teacher.stride(0), teacher.size(1),
                      student.size(0), numbers.const_data_ptr<float>(),
                      targets.const_data_ptr<std::int64_t>(), static_cast<float>(scale),
                      cuda_type(out.scalar_type()), out.mutable_data_ptr(), out.stride(0),
                      current_cuda_stream(student));
  check_launch(table, "pair_gradient");
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

PairRowsStatistics pair_rows_statistics(const at::Tensor& student, const at::Tensor& teacher,
                                        double scale) {
  if (has_pair_kernels(student, teacher)) return statistics_cuda(student, teacher, scale);
  const at::Tensor common = student.narrow(1, 0, teacher.size(1));
  const at::Tensor max_student = rows_max(common, scale), max_hard = rows_max(student, 1.0);
  const at::Tensor max_teacher = rows_max(teacher, scale).to(max_hard.scalar_type());
  return {max_student, max_teacher, max_hard,
          pair_rows_sum(common, teacher, max_student, max_teacher, scale),
          rows_sum(student, max_hard, 1.0, false).sum};
}

at::Tensor pair_rows_gradient_(at::Tensor& student, const at::Tensor& teacher,
                               const PairRowsGradient& rows, double scale,
                               const at::Tensor& narrow) {
  const at::Tensor out = narrow.defined() ? narrow : student;
  if (has_pair_kernels(student, teacher) && has_row_kernels(out)) {
    gradient_cuda(student, teacher, rows, scale, out);
    return out;
  }
  if (has_pair_loops(student, teacher))
    loop_gradient_(student, teacher, rows, scale);
  else
    plain_gradient_(student, teacher, rows, scale);
  return narrow.defined() ? narrow.copy_(student) : student;
}

}  // namespace r1::kernels
