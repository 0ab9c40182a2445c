// Distillation terms over the vocabulary: exact divergences chunk by chunk, and the top-k forms.
#include "parallel/vocab_distillation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>

#include "base/errors.h"
#include "parallel/distillation_rows.h"
#include "parallel/vocab_chunks.h"
#include "parallel/vocab_logprob.h"
#include "parallel/vocab_rows.h"

namespace r1::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

struct Inputs {
  at::Tensor student_hidden, student_head, teacher_hidden, teacher_head, targets;
  double temperature;
  std::int64_t common, chunk;
};

// Rows of the forward result [6, T]: three terms, then what backward needs besides them.
enum Row { kForwardKl, kReverseKl, kHard, kLseStudent, kLseTeacher, kLseHard, kNumRows };

/// Calls function(student logits [C, S], teacher logits [C, N], begin, count) for each chunk.
template <class Function>
void for_each_logits(const Inputs& in, const Function& function) {
  LogitChunks student(in.student_hidden, in.student_head, in.chunk);
  LogitChunks teacher(in.teacher_hidden, in.teacher_head, in.chunk);
  for_each_chunk(in.student_hidden.size(0), in.chunk, [&](std::int64_t begin, std::int64_t count) {
    at::Tensor logits = student.form(begin, count);
    function(logits, teacher.form(begin, count).narrow(1, 0, in.common), begin, count);
  });
}

at::Tensor compute(const Inputs& in) {
  const double scale = 1.0 / in.temperature;
  const at::Tensor result = at::empty({kNumRows, in.student_hidden.size(0)},
                                      in.student_head.options()
                                          .dtype(statistics_dtype(in.student_head.scalar_type()))
                                          .requires_grad(false));
  if (result.size(1) == 0) return result;
  for_each_logits(in, [&](const at::Tensor& student, const at::Tensor& teacher, std::int64_t begin,
                          std::int64_t count) {
    const at::Tensor common = student.narrow(1, 0, in.common);
    const at::Tensor max_student = rows_max(common, scale);
    const at::Tensor max_teacher = rows_max(teacher, scale).to(result.scalar_type());
    const at::Tensor max_hard = rows_max(student, 1.0);
    const PairRowsSum sums = pair_rows_sum(common, teacher, max_student, max_teacher, scale);
    const at::Tensor log_hard = rows_sum(student, max_hard, 1.0, false).sum.log();
    const at::Tensor log_student = sums.student.log(), log_teacher = sums.teacher.log();
    const at::Tensor target =
        rows_at(student, in.targets.narrow(0, begin, count).unsqueeze(1), 1.0).squeeze(1);
    const auto write = [&](Row row, const at::Tensor& values) {
      result[row].narrow(0, begin, count).copy_(values);
    };
    const at::Tensor log_ratio = log_student - log_teacher;
    write(kForwardKl, sums.teacher_dot / sums.teacher + log_ratio);
    write(kReverseKl, -(sums.student_dot / sums.student + log_ratio));
    write(kHard, log_hard - (target - max_hard));
    write(kLseStudent, max_student + log_student);
    write(kLseTeacher, max_teacher + log_teacher);
    write(kLseHard, max_hard + log_hard);
  });
  return result;
}

class DistillationFunction : public torch::autograd::Function<DistillationFunction> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& student_hidden,
                               const at::Tensor& student_head, const at::Tensor& teacher_hidden,
                               const at::Tensor& teacher_head, const at::Tensor& targets,
                               double temperature, std::int64_t common, std::int64_t chunk) {
    const at::Tensor result = compute({student_hidden, student_head, teacher_hidden, teacher_head,
                                       targets, temperature, common, chunk});
    context->save_for_backward(
        {student_hidden, student_head, teacher_hidden, teacher_head, targets, result});
    context->saved_data["temperature"] = temperature;
    context->saved_data["common"] = common;
    context->saved_data["chunk"] = chunk;
    return {result[kForwardKl].clone(), result[kReverseKl].clone(), result[kHard].clone()};
  }

  static variable_list backward(AutogradContext* context, variable_list grads) {
    const variable_list saved = context->get_saved_variables();
    const Inputs in{saved[0],
                    saved[1],
                    saved[2],
                    saved[3],
                    saved[4],
                    context->saved_data["temperature"].toDouble(),
                    context->saved_data["common"].toInt(),
                    context->saved_data["chunk"].toInt()};
    const at::Tensor& forward = saved[5];
    HeadGradients result(in.student_hidden, in.student_head, context->needs_input_grad(0),
                         context->needs_input_grad(1));
    for_each_logits(in, [&](at::Tensor& student, const at::Tensor& teacher, std::int64_t begin,
                            std::int64_t count) {
      const auto row = [&](Row index) { return forward[index].narrow(0, begin, count); };
      const auto weight = [&](Row index) {
        return grads[index].narrow(0, begin, count).to(forward.scalar_type());
      };
      pair_rows_gradient_(
          student, teacher,
          {row(kLseStudent), row(kLseTeacher), row(kLseHard), row(kReverseKl), weight(kForwardKl),
           weight(kReverseKl), weight(kHard), in.targets.narrow(0, begin, count)},
          1.0 / in.temperature);
      result.add(student, begin);
    });
    return {result.hidden(), result.weight(), {}, {}, {}, {}, {}, {}};
  }
};

/// log(1 - e^x) for x <= 0, without losing the digits of either end.
at::Tensor log_rest(const at::Tensor& log_sum) {
  // Rounding may carry the sum of k probabilities to 1 or just above; the rest is then this small.
  const double smallest = log_sum.scalar_type() == at::kDouble ? 1e-15 : 1e-7;
  return (-at::expm1(log_sum)).clamp_min(smallest).log();
}

void check_inputs(const at::Tensor& student_hidden, const at::Tensor& student_head,
                  const TeacherHidden& teacher, const at::Tensor& targets, double temperature,
                  std::int64_t common_vocab) {
  R1_CHECK(
      student_hidden.size(0) == teacher.hidden.size(0) && student_hidden.size(0) == targets.size(0),
      "student, teacher and targets must hold the same tokens: {}, {}, {}", student_hidden.size(0),
      teacher.hidden.size(0), targets.size(0));
  R1_CHECK(common_vocab > 0 && common_vocab <= std::min(student_head.size(0), teacher.head.size(0)),
           "common vocabulary of {} ids, heads have {} and {}", common_vocab, student_head.size(0),
           teacher.head.size(0));
  R1_CHECK(temperature > 0, "temperature {}", temperature);
}

}  // namespace

DistillationTerms distillation_terms(const at::Tensor& student_hidden,
                                     const at::Tensor& student_head, const TeacherHidden& teacher,
                                     const at::Tensor& targets, double temperature,
                                     std::int64_t common_vocab, std::int64_t chunk_tokens) {
  check_inputs(student_hidden, student_head, teacher, targets, temperature, common_vocab);
  const Inputs in{student_hidden.to(student_head.scalar_type()),
                  student_head,
                  teacher.hidden.detach().to(teacher.head.scalar_type()),
                  teacher.head.detach(),
                  targets,
                  temperature,
                  common_vocab,
                  choose_chunk(chunk_tokens, student_head, student_hidden.size(0))};
  if (at::GradMode::is_enabled() &&
      (in.student_hidden.requires_grad() || in.student_head.requires_grad())) {
    const variable_list terms = DistillationFunction::apply(
        in.student_hidden, in.student_head, in.teacher_hidden, in.teacher_head, in.targets,
        in.temperature, in.common, in.chunk);
    return {terms[0], terms[1], terms[2]};
  }
  const at::Tensor terms = compute(in);
  return {terms[kForwardKl], terms[kReverseKl], terms[kHard]};
}

DistillationTerms distillation_terms_top_k(const at::Tensor& student_hidden,
                                           const at::Tensor& student_head,
                                           const TeacherTopK& teacher, TopKRest rest,
                                           const at::Tensor& targets, double temperature,
                                           std::int64_t chunk_tokens) {
  at::Tensor student_log =
      vocab_logprobs_at(student_hidden, student_head, teacher.ids, temperature, chunk_tokens);
  at::Tensor teacher_log = teacher.logprobs.detach().to(student_log.scalar_type());
  const at::Tensor student_sum = at::logsumexp(student_log, 1, /*keepdim=*/true);
  const at::Tensor teacher_sum = at::logsumexp(teacher_log, 1, /*keepdim=*/true);
  if (rest == TopKRest::Tail) {
    student_log = at::cat({student_log, log_rest(student_sum)}, 1);
    teacher_log = at::cat({teacher_log, log_rest(teacher_sum)}, 1);
  } else {
    student_log = student_log - student_sum;
    teacher_log = teacher_log - teacher_sum;
  }
  const at::Tensor forward_kl = (teacher_log.exp() * (teacher_log - student_log)).sum(1);
  const at::Tensor hard =
      -vocab_logprobs(student_hidden, student_head, targets, 1.0, false, chunk_tokens).logprobs;
  return {forward_kl, at::Tensor(), hard};
}

}  // namespace r1::parallel
