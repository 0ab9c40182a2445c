// Distillation terms over the vocabulary: exact divergences chunk by chunk, and the top-k forms.
#include "parallel/vocab_distillation.h"

#include <ATen/ATen.h>
#include <torch/csrc/autograd/custom_function.h>

#include "base/errors.h"
#include "parallel/vocab_chunks.h"
#include "parallel/vocab_logprob.h"
#include "parallel/vocab_rows.h"

namespace r1::parallel {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

/// log-softmax of the first `common` logits at the temperature, [C, common], in the statistics'
/// dtype.
at::Tensor common_log_softmax(const at::Tensor& logits, std::int64_t common, double temperature) {
  return at::log_softmax(
      logits.narrow(1, 0, common).to(statistics_dtype(logits.scalar_type())) / temperature, 1);
}

/// A student chunk and its teacher chunk: log-probabilities over the common ids, and what the hard
/// term needs.
struct ChunkTerms {
  at::Tensor student_log, teacher_log;  // [C, common]
  at::Tensor student_log_hard;          // [C, Vs], temperature 1
};

struct Inputs {
  at::Tensor student_hidden, student_head, teacher_hidden, teacher_head, targets;
  double temperature;
  std::int64_t common, chunk;
};

template <class Function>
void for_each_term_chunk(const Inputs& in, const Function& function) {
  LogitChunks student(in.student_hidden, in.student_head, in.chunk);
  LogitChunks teacher(in.teacher_hidden, in.teacher_head, in.chunk);
  for_each_chunk(in.student_hidden.size(0), in.chunk, [&](std::int64_t begin, std::int64_t count) {
    const at::Tensor logits = student.form(begin, count);
    ChunkTerms terms;
    terms.student_log = common_log_softmax(logits, in.common, in.temperature);
    terms.teacher_log = common_log_softmax(teacher.form(begin, count), in.common, in.temperature)
                            .to(terms.student_log.scalar_type());
    terms.student_log_hard = common_log_softmax(logits, logits.size(1), 1.0);
    function(terms, begin, count);
  });
}

variable_list compute(const Inputs& in) {
  const auto options = in.student_head.options()
                           .dtype(statistics_dtype(in.student_head.scalar_type()))
                           .requires_grad(false);
  const std::int64_t num_tokens = in.student_hidden.size(0);
  variable_list result;
  for (int i = 0; i < 3; ++i) result.push_back(at::empty({num_tokens}, options));
  if (num_tokens == 0) return result;
  for_each_term_chunk(in, [&](const ChunkTerms& terms, std::int64_t begin, std::int64_t count) {
    const at::Tensor difference = terms.teacher_log - terms.student_log;
    result[0].narrow(0, begin, count).copy_((terms.teacher_log.exp() * difference).sum(1));
    result[1].narrow(0, begin, count).copy_(-(terms.student_log.exp() * difference).sum(1));
    const at::Tensor target = in.targets.narrow(0, begin, count).unsqueeze(1);
    result[2].narrow(0, begin, count).copy_(-terms.student_log_hard.gather(1, target).squeeze(1));
  });
  return result;
}

/// Gradient of the weighted terms with respect to the student's logits, [C, Vs].
at::Tensor logits_gradient(const ChunkTerms& terms, const at::Tensor& targets,
                           const variable_list& grads, double temperature) {
  at::Tensor result = at::zeros_like(terms.student_log_hard);
  if (grads[2].defined()) {
    const at::Tensor weight = grads[2].unsqueeze(1);
    result = terms.student_log_hard.exp() * weight;
    result.scatter_add_(1, targets.unsqueeze(1), -weight);
  }
  at::Tensor common = result.narrow(1, 0, terms.student_log.size(1));
  const at::Tensor student = terms.student_log.exp();
  if (grads[0].defined())
    common.add_((student - terms.teacher_log.exp()) * (grads[0].unsqueeze(1) / temperature));
  if (grads[1].defined()) {
    const at::Tensor difference = terms.student_log - terms.teacher_log;
    const at::Tensor mean = (student * difference).sum(1, /*keepdim=*/true);
    common.add_(student * (difference - mean) * (grads[1].unsqueeze(1) / temperature));
  }
  return result;
}

class DistillationFunction : public torch::autograd::Function<DistillationFunction> {
 public:
  static variable_list forward(AutogradContext* context, const at::Tensor& student_hidden,
                               const at::Tensor& student_head, const at::Tensor& teacher_hidden,
                               const at::Tensor& teacher_head, const at::Tensor& targets,
                               double temperature, std::int64_t common, std::int64_t chunk) {
    context->save_for_backward(
        {student_hidden, student_head, teacher_hidden, teacher_head, targets});
    context->saved_data["temperature"] = temperature;
    context->saved_data["common"] = common;
    context->saved_data["chunk"] = chunk;
    context->set_materialize_grads(false);
    return compute({student_hidden, student_head, teacher_hidden, teacher_head, targets,
                    temperature, common, chunk});
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
    HeadGradients result(in.student_hidden, in.student_head, context->needs_input_grad(0),
                         context->needs_input_grad(1));
    for_each_term_chunk(in, [&](const ChunkTerms& terms, std::int64_t begin, std::int64_t count) {
      variable_list parts;
      for (const at::Tensor& grad : grads)
        parts.push_back(grad.defined() ? grad.narrow(0, begin, count) : at::Tensor());
      const at::Tensor gradient =
          logits_gradient(terms, in.targets.narrow(0, begin, count), parts, in.temperature);
      result.add(gradient.to(in.student_head.scalar_type()), begin);
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

}  // namespace

DistillationTerms distillation_terms(const at::Tensor& student_hidden,
                                     const at::Tensor& student_head, const TeacherHidden& teacher,
                                     const at::Tensor& targets, double temperature,
                                     std::int64_t common_vocab, std::int64_t chunk_tokens) {
  R1_CHECK(
      student_hidden.size(0) == teacher.hidden.size(0) && student_hidden.size(0) == targets.size(0),
      "student, teacher and targets must hold the same tokens: {}, {}, {}", student_hidden.size(0),
      teacher.hidden.size(0), targets.size(0));
  R1_CHECK(common_vocab > 0 && common_vocab <= std::min(student_head.size(0), teacher.head.size(0)),
           "common vocabulary of {} ids, heads have {} and {}", common_vocab, student_head.size(0),
           teacher.head.size(0));
  R1_CHECK(temperature > 0, "temperature {}", temperature);
  const at::Tensor hidden = student_hidden.to(student_head.scalar_type());
  const at::Tensor teacher_hidden = teacher.hidden.detach().to(teacher.head.scalar_type());
  const at::Tensor teacher_head = teacher.head.detach();
  // Several fp32 copies of a chunk are alive at once: a quarter of the usual chunk.
  const std::int64_t chunk =
      chunk_tokens > 0
          ? choose_chunk(chunk_tokens, student_head, hidden.size(0))
          : std::max<std::int64_t>(1, choose_chunk(0, student_head, hidden.size(0)) / 4);
  const bool record =
      at::GradMode::is_enabled() && (hidden.requires_grad() || student_head.requires_grad());
  const variable_list terms =
      record ? DistillationFunction::apply(hidden, student_head, teacher_hidden, teacher_head,
                                           targets, temperature, common_vocab, chunk)
             : compute({hidden, student_head, teacher_hidden, teacher_head, targets, temperature,
                        common_vocab, chunk});
  return {terms[0], terms[1], terms[2]};
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
