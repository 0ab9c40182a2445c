// Distillation terms over the vocabulary: exact divergences computed in chunks, and the top-k
// forms.
#include "vocabulary/vocab_distillation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include <algorithm>
#include <limits>

#include "base/errors.h"
#include "kernels/distillation_rows.h"
#include "kernels/vocab_rows.h"
#include "vocabulary/vocab_chunks.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::vocabulary {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// `teacher_head` and `common` (the ids that are in both vocabularies) are of this rank's ids
/// alone.
struct Inputs {
  at::Tensor student_hidden, student_head, teacher_hidden, teacher_head, targets;
  double temperature;
  std::int64_t common, chunk;
  Communicator* ranks;
  at::Tensor held;  // targets that are among this rank's ids; undefined: all
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
    function(logits, teacher.form(begin, count), begin, count);
  });
}

/// Statistics of a chunk over the whole vocabulary, and the logits of the targets.
struct PairStatistics {
  kernels::PairRowsStatistics rows;
  at::Tensor target;
};

kernels::PairRowsStatistics split_statistics(const Inputs& in, const at::Tensor& student,
                                             const at::Tensor& teacher, at::Tensor& target) {
  const double scale = 1.0 / in.temperature;
  const at::Tensor common = student.narrow(1, 0, in.common);
  const at::Tensor max_hard = kernels::rows_max(student, 1.0);
  const auto lowest = [&] {  // of no ids
    return at::full_like(max_hard, -std::numeric_limits<double>::infinity());
  };
  at::Tensor maxima = at::stack(
      {in.common > 0 ? kernels::rows_max(common, scale) : lowest(),
       in.common > 0 ? kernels::rows_max(teacher, scale).to(max_hard.scalar_type()) : lowest(),
       max_hard});
  in.ranks->all_reduce(maxima, ReduceOp::Max, "logit maxima").wait();
  const kernels::PairRowsSum own =
      kernels::pair_rows_sum(common, teacher, maxima[0], maxima[1], scale);
  at::Tensor sums = at::stack({own.student, own.teacher, own.student_dot, own.teacher_dot,
                               kernels::rows_sum(student, maxima[2], 1.0, false).sum, target});
  in.ranks->all_reduce(sums, ReduceOp::Sum, "softmax sums").wait();
  target = sums[5];
  return {maxima[0], maxima[1], maxima[2], {sums[0], sums[1], sums[2], sums[3]}, sums[4]};
}

PairStatistics statistics(const Inputs& in, const at::Tensor& student, const at::Tensor& teacher,
                          std::int64_t begin, std::int64_t count) {
  at::Tensor target =
      kernels::rows_at(student, in.targets.narrow(0, begin, count).unsqueeze(1), 1.0).squeeze(1);
  if (in.held.defined()) target = target * in.held.narrow(0, begin, count);
  const auto rows = in.ranks->size() > 1
                        ? split_statistics(in, student, teacher, target)
                        : kernels::pair_rows_statistics(student, teacher, 1.0 / in.temperature);
  return {rows, target};
}

at::Tensor compute(const Inputs& in,
                   const std::function<void(const at::Tensor& values, at::Tensor& student,
                                            const at::Tensor& teacher, std::int64_t begin,
                                            std::int64_t count)>& with_logits = {}) {
  const at::Tensor result =
      at::empty({kNumRows, in.student_hidden.size(0)},
                in.student_head.options()
                    .dtype(kernels::statistics_dtype(in.student_head.scalar_type()))
                    .requires_grad(false));
  if (result.size(1) == 0) return result;
  for_each_logits(in, [&](at::Tensor& student, const at::Tensor& teacher, std::int64_t begin,
                          std::int64_t count) {
    const auto [row, target] = statistics(in, student, teacher, begin, count);
    const kernels::PairRowsSum& sums = row.sums;
    const at::Tensor log_hard = row.sum_hard.log();
    const at::Tensor log_student = sums.student.log(), log_teacher = sums.teacher.log();
    const auto write = [&](Row row, const at::Tensor& values) {
      result[row].narrow(0, begin, count).copy_(values);
    };
    const at::Tensor log_ratio = log_student - log_teacher;
    write(kForwardKl, sums.teacher_dot / sums.teacher + log_ratio);
    write(kReverseKl, -(sums.student_dot / sums.student + log_ratio));
    write(kHard, log_hard - (target - row.max_hard));
    write(kLseStudent, row.max_student + log_student);
    write(kLseTeacher, row.max_teacher + log_teacher);
    write(kLseHard, row.max_hard + log_hard);
    if (with_logits) with_logits(result, student, teacher, begin, count);
  });
  return result;
}

/// Adds a chunk's part of the gradients. `values`: compute's; `grads`: of its three terms, [T].
void add_gradient(const Inputs& in, const at::Tensor& values, const variable_list& grads,
                  at::Tensor& student, const at::Tensor& teacher, std::int64_t begin,
                  std::int64_t count, HeadGradients& result) {
  const auto row = [&](Row index) { return values[index].narrow(0, begin, count); };
  const auto weight = [&](Row index) {
    return grads[index].narrow(0, begin, count).to(values.scalar_type());
  };
  const at::Tensor gradient = kernels::pair_rows_gradient_(
      student, teacher,
      {row(kLseStudent), row(kLseTeacher), row(kLseHard), row(kReverseKl), weight(kForwardKl),
       weight(kReverseKl), weight(kHard), in.targets.narrow(0, begin, count),
       in.held.defined() ? in.held.narrow(0, begin, count) : at::Tensor()},
      1.0 / in.temperature, result.narrow(count));
  result.add(gradient, begin);
}

class DistillationFunction : public torch::autograd::Function<DistillationFunction> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& student_hidden,
                               const at::Tensor& student_head, const at::Tensor& teacher_hidden,
                               const at::Tensor& teacher_head, const at::Tensor& targets,
                               const Inputs& in) {
    const at::Tensor result = compute(in);
    context->save_for_backward(
        {student_hidden, student_head, teacher_hidden, teacher_head, targets, result, in.held});
    context->saved_data["temperature"] = in.temperature;
    context->saved_data["common"] = in.common;
    context->saved_data["chunk"] = in.chunk;
    context->saved_data["ranks"] = reinterpret_cast<std::int64_t>(in.ranks);
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
                    context->saved_data["chunk"].toInt(),
                    reinterpret_cast<Communicator*>(context->saved_data["ranks"].toInt()),
                    saved[6]};
    HeadGradients result(in.student_hidden, in.student_head, context->needs_input_grad(0),
                         context->needs_input_grad(1));
    for_each_logits(in, [&](at::Tensor& student, const at::Tensor& teacher, std::int64_t begin,
                            std::int64_t count) {
      add_gradient(in, saved[5], grads, student, teacher, begin, count, result);
    });
    if (result.hidden().defined()) sum_gradient(result.hidden(), *in.ranks);
    return {result.hidden(), result.weight(), {}, {}, {}, {}};
  }
};

/// log(1 - e^x) for x <= 0, without losing the digits of either end.
at::Tensor log_rest(const at::Tensor& log_sum) {
  // Rounding may carry the sum of k probabilities to 1 or just above; the rest is then this small.
  const double smallest = log_sum.scalar_type() == at::kDouble ? 1e-15 : 1e-7;
  return (-at::expm1(log_sum)).clamp_min(smallest).log();
}

void check_inputs(const at::Tensor& student_hidden, const VocabHead& student_head,
                  const TeacherHidden& teacher, const at::Tensor& targets, double temperature,
                  std::int64_t common_vocab) {
  R1_CHECK(
      student_hidden.size(0) == teacher.hidden.size(0) && student_hidden.size(0) == targets.size(0),
      "student, teacher and targets must hold the same tokens: {}, {}, {}", student_hidden.size(0),
      teacher.hidden.size(0), targets.size(0));
  R1_CHECK(
      common_vocab > 0 && common_vocab <= std::min(student_head.vocab_size(), teacher.head.size(0)),
      "common vocabulary of {} ids, heads have {} and {}", common_vocab, student_head.vocab_size(),
      teacher.head.size(0));
  R1_CHECK(temperature > 0, "temperature {}", temperature);
}

Inputs make_inputs(const at::Tensor& student_hidden, const VocabHead& student_head,
                   const TeacherHidden& teacher, const at::Tensor& targets, double temperature,
                   std::int64_t common_vocab, std::int64_t chunk_tokens) {
  check_inputs(student_hidden, student_head, teacher, targets, temperature, common_vocab);
  const auto& ids = student_head.ids;
  const auto common = std::clamp<std::int64_t>(common_vocab - ids.begin, 0, ids.size);
  const HeldIds mine = held_ids(targets, student_head);
  return {student_hidden.to(student_head.weight.scalar_type()),
          student_head.weight,
          teacher.hidden.detach().to(teacher.head.scalar_type()),
          teacher.head.detach().narrow(0, common > 0 ? ids.begin : 0, common),
          mine.rows,
          temperature,
          common,
          choose_chunk(chunk_tokens, student_head, student_hidden.size(0)),
          student_head.ranks,
          mine.held};
}

}  // namespace

DistillationTerms distillation_terms(const at::Tensor& student_hidden,
                                     const VocabHead& student_head, const TeacherHidden& teacher,
                                     const at::Tensor& targets, double temperature,
                                     std::int64_t common_vocab, std::int64_t chunk_tokens) {
  const Inputs in = make_inputs(student_hidden, student_head, teacher, targets, temperature,
                                common_vocab, chunk_tokens);
  if (at::GradMode::is_enabled() &&
      (in.student_hidden.requires_grad() || in.student_head.requires_grad())) {
    const variable_list terms = DistillationFunction::apply(
        in.student_hidden, in.student_head, in.teacher_hidden, in.teacher_head, in.targets, in);
    return {terms[0], terms[1], terms[2]};
  }
  const at::Tensor terms = compute(in);
  return {terms[kForwardKl], terms[kReverseKl], terms[kHard]};
}

at::Tensor weighted_distillation(const at::Tensor& student_hidden, const VocabHead& student_head,
                                 const TeacherHidden& teacher, const at::Tensor& targets,
                                 double temperature, std::int64_t common_vocab,
                                 const DistillationWeights& weights, std::int64_t chunk_tokens) {
  const Inputs in = make_inputs(student_hidden, student_head, teacher, targets, temperature,
                                common_vocab, chunk_tokens);
  const bool need_hidden = at::GradMode::is_enabled() && in.student_hidden.requires_grad(),
             need_weight = at::GradMode::is_enabled() && in.student_head.requires_grad();
  const auto loss_of = [&](const at::Tensor& values) {
    return values[kForwardKl].sum() * weights.forward_kl +
           values[kReverseKl].sum() * weights.reverse_kl + values[kHard].sum() * weights.hard;
  };
  if (!need_hidden && !need_weight) return loss_of(compute(in));
  HeadGradients gradients(in.student_hidden, in.student_head, need_hidden, need_weight);
  at::Tensor loss;
  {
    const at::NoGradGuard no_grad;
    const auto all = [&](double weight) {
      const auto dtype = kernels::statistics_dtype(in.student_head.scalar_type());
      return at::full({in.student_hidden.size(0)}, weight,
                      in.student_hidden.options().dtype(dtype).requires_grad(false));
    };
    const variable_list grads{all(weights.forward_kl), all(weights.reverse_kl), all(weights.hard)};
    loss = loss_of(
        compute(in, [&](const at::Tensor& values, at::Tensor& student,
                        const at::Tensor& teacher_logits, std::int64_t begin, std::int64_t count) {
          add_gradient(in, values, grads, student, teacher_logits, begin, count, gradients);
        }));
    if (need_hidden) sum_gradient(gradients.hidden(), *in.ranks);
  }
  return with_gradients(loss, in.student_hidden, in.student_head, gradients);
}

DistillationTerms distillation_terms_top_k(const at::Tensor& student_hidden,
                                           const VocabHead& student_head, const VocabTopK& teacher,
                                           TopKRest rest, const at::Tensor& targets,
                                           double temperature, std::int64_t chunk_tokens) {
  at::Tensor student_log = vocab_logprobs_at(student_hidden, student_head,
                                             teacher.ids.to(at::kLong), temperature, chunk_tokens);
  at::Tensor teacher_log = teacher.logprobs.detach().to(student_log.scalar_type());
  const at::Tensor student_sum = at::logsumexp(student_log, 1, /*keepdim=*/true);
  if (rest == TopKRest::Tail) {
    student_log = at::cat({student_log, log_rest(student_sum)}, 1);
    teacher_log =
        at::cat({teacher_log, teacher.rest.to(teacher_log.scalar_type()).unsqueeze(1)}, 1);
  } else {
    student_log = student_log - student_sum;
    teacher_log = teacher_log - at::logsumexp(teacher_log, 1, /*keepdim=*/true);
  }
  const at::Tensor forward_kl = (teacher_log.exp() * (teacher_log - student_log)).sum(1);
  const at::Tensor hard =
      -vocab_logprobs(student_hidden, student_head, targets, 1.0, false, chunk_tokens).logprobs;
  return {forward_kl, at::Tensor(), hard};
}

}  // namespace r1::vocabulary
