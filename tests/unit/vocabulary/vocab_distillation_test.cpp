// Distillation terms: finite differences, chunks, common vocabulary. (Fixtures: unit_algorithms.)
#include "vocabulary/vocab_distillation.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::vocabulary {
namespace {

using test::expect_close;
constexpr double kDistillationTolerance = 1e-6;

struct DistillationProblem {
  at::Tensor hidden, head;
  TeacherHidden teacher;
  at::Tensor targets;
  std::vector<at::Tensor> weights;
};

DistillationProblem make_problem(std::int64_t tokens) {
  at::manual_seed(5);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  DistillationProblem problem{at::randn({tokens, 4}, options),
                              at::randn({11, 4}, options),
                              {at::randn({tokens, 6}, options), at::randn({9, 6}, options)},
                              at::randint(11, {tokens}, at::kLong),
                              {}};
  for (int i = 0; i < 3; ++i) problem.weights.push_back(at::randn({tokens}, options));
  return problem;
}

at::Tensor weighted(const DistillationProblem& problem, const DistillationTerms& terms) {
  at::Tensor sum =
      (terms.forward_kl * problem.weights[0]).sum() + (terms.hard * problem.weights[2]).sum();
  if (terms.reverse_kl.defined()) sum = sum + (terms.reverse_kl * problem.weights[1]).sum();
  return sum;
}

template <class Terms>
void expect_finite_differences(const DistillationProblem& problem, const Terms& terms) {
  const at::Tensor hidden = problem.hidden.clone().requires_grad_();
  const at::Tensor head = problem.head.clone().requires_grad_();
  weighted(problem, terms(hidden, head)).backward();
  const double step = 1e-5;
  for (const bool of_head : {false, true}) {
    const at::Tensor gradient = (of_head ? head : hidden).grad().flatten();
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      at::Tensor moved_hidden = problem.hidden.clone(), moved_head = problem.head.clone();
      at::Tensor moved = (of_head ? moved_head : moved_hidden).view({-1});
      moved[i] += step;
      const double above =
          weighted(problem, terms(moved_hidden, moved_head)).template item<double>();
      moved[i] -= 2 * step;
      const double below =
          weighted(problem, terms(moved_hidden, moved_head)).template item<double>();
      EXPECT_NEAR(gradient[i].template item<double>(), (above - below) / (2 * step),
                  kDistillationTolerance);
    }
  }
}

TEST(DistillationTerms, GradientsEqualFiniteDifferences) {
  const DistillationProblem problem = make_problem(3);
  expect_finite_differences(problem, [&](const at::Tensor& hidden, const at::Tensor& head) {
    return distillation_terms(hidden, head, problem.teacher, problem.targets, 2.0, 8, 2);
  });
}

TEST(DistillationTerms, TopKGradientsEqualFiniteDifferences) {
  const DistillationProblem problem = make_problem(3);
  const auto teacher = vocab_top_k(problem.teacher.hidden, problem.teacher.head, 4, 9, 2.0);
  for (const TopKRest rest : {TopKRest::Tail, TopKRest::Renormalised})
    expect_finite_differences(problem, [&](const at::Tensor& hidden, const at::Tensor& head) {
      return distillation_terms_top_k(hidden, head, teacher, rest, problem.targets, 2.0, 2);
    });
}

TEST(DistillationTerms, TopKIsThePlainFormula) {
  const DistillationProblem problem = make_problem(6);
  const auto log_p = [](const at::Tensor& hidden, const at::Tensor& head) {
    return at::log_softmax(at::mm(hidden, head.t()) / 3.0, 1);
  };
  const at::Tensor hidden = problem.hidden.clone().requires_grad_();
  const at::Tensor plain_hidden = problem.hidden.clone().requires_grad_();
  const at::Tensor teacher = log_p(problem.teacher.hidden, problem.teacher.head);
  const auto [logprobs, ids] = teacher.topk(4, 1);
  const at::Tensor student = log_p(plain_hidden, problem.head).gather(1, ids);
  const auto with_tail = [](const at::Tensor& at_ids) {
    return at::cat({at_ids, at::log1p(-at_ids.exp().sum(1, true))}, 1);
  };
  const at::Tensor p = with_tail(logprobs), q = with_tail(student);
  const at::Tensor expected = (p.exp() * (p - q)).sum(1);
  const auto found = distillation_terms_top_k(
      hidden, problem.head, vocab_top_k(problem.teacher.hidden, problem.teacher.head, 4, 9, 3.0),
      TopKRest::Tail, problem.targets, 3.0);
  expect_close(found.forward_kl, expected, "divergence");
  (found.forward_kl * problem.weights[0]).sum().backward();
  (expected * problem.weights[0]).sum().backward();
  expect_close(hidden.grad(), plain_hidden.grad(), "gradient");
}

TEST(DistillationTerms, TopKOfAllIdsIsExact) {
  DistillationProblem problem = make_problem(7);
  problem.teacher.head = at::randn({11, 6}, problem.head.options());
  const auto all = vocab_top_k(problem.teacher.hidden, problem.teacher.head, 11, 11, 3.0);
  const auto check = [&](at::ScalarType dtype, double tolerance) {
    std::vector<at::Tensor> divergences, gradients;
    for (const bool top_k : {true, false}) {
      const at::Tensor hidden = problem.hidden.to(dtype).clone().requires_grad_();
      const at::Tensor head = problem.head.to(dtype);
      const auto terms =
          top_k ? distillation_terms_top_k(hidden, head,
                                           {all.ids, all.logprobs.to(dtype), all.rest.to(dtype)},
                                           TopKRest::Tail, problem.targets, 3.0)
                : distillation_terms(
                      hidden, head,
                      {problem.teacher.hidden.to(dtype), problem.teacher.head.to(dtype)},
                      problem.targets, 3.0, 11);
      (terms.forward_kl * problem.weights[0].to(dtype)).sum().backward();
      divergences.push_back(terms.forward_kl.detach());
      gradients.push_back(hidden.grad());
    }
    expect_close(divergences[0], divergences[1], "divergence", tolerance, tolerance);
    expect_close(gradients[0], gradients[1], "gradient", tolerance, tolerance);
  };
  check(at::kDouble, 1e-12);
  check(at::kFloat, 1e-5);
}

TEST(DistillationTerms, CommonVocabularyRenormalisesBothSides) {
  const DistillationProblem problem = make_problem(6);
  const auto found =
      distillation_terms(problem.hidden, problem.head, problem.teacher, problem.targets, 3.0, 8, 4);
  const auto log_p = [](const at::Tensor& hidden, const at::Tensor& head) {
    return at::log_softmax(at::mm(hidden, head.t()).narrow(1, 0, 8) / 3.0, 1);
  };
  const at::Tensor student = log_p(problem.hidden, problem.head);
  const at::Tensor teacher = log_p(problem.teacher.hidden, problem.teacher.head);
  expect_close(found.forward_kl, (teacher.exp() * (teacher - student)).sum(1), "forward");
  expect_close(found.reverse_kl, (student.exp() * (student - teacher)).sum(1), "reverse");
  const at::Tensor all = at::log_softmax(at::mm(problem.hidden, problem.head.t()), 1);
  expect_close(found.hard, -all.gather(1, problem.targets.unsqueeze(1)).squeeze(1), "hard");
}

TEST(DistillationTerms, RowLoopsEqualFp64) {
  const DistillationProblem problem = make_problem(21);
  const at::Tensor exact_hidden = problem.hidden.clone().requires_grad_();
  const auto exact =
      distillation_terms(exact_hidden, problem.head, problem.teacher, problem.targets, 2.0, 8);
  weighted(problem, exact).backward();
  for (const auto& [dtype, tolerance] : {std::pair{at::kFloat, 1e-5}, {at::kBFloat16, 8e-2}}) {
    const at::Tensor hidden = problem.hidden.to(dtype).clone().requires_grad_();
    const TeacherHidden teacher{problem.teacher.hidden.to(dtype), problem.teacher.head.to(dtype)};
    const auto found =
        distillation_terms(hidden, problem.head.to(dtype), teacher, problem.targets, 2.0, 8, 8);
    weighted(problem, found).backward();
    expect_close(found.forward_kl, exact.forward_kl, "forward", tolerance, tolerance);
    expect_close(found.reverse_kl, exact.reverse_kl, "reverse", tolerance, tolerance);
    expect_close(found.hard, exact.hard, "hard", tolerance, tolerance);
    expect_close(hidden.grad(), exact_hidden.grad(), "gradient", tolerance, tolerance);
  }
}

TEST(DistillationTerms, ChunksDoNotMatter) {
  const DistillationProblem problem = make_problem(7);
  std::vector<at::Tensor> gradients;
  for (const std::int64_t chunk : {1, 3, 0}) {
    const at::Tensor hidden = problem.hidden.clone().requires_grad_();
    weighted(problem, distillation_terms(hidden, problem.head, problem.teacher, problem.targets,
                                         3.0, 9, chunk))
        .backward();
    gradients.push_back(hidden.grad());
  }
  expect_close(gradients[0], gradients[2], "chunk 1", 1e-12, 1e-14);
  expect_close(gradients[1], gradients[2], "chunk 3", 1e-12, 1e-14);
}

TEST(WeightedDistillation, EqualsTheLossOfTheTerms) {
  constexpr double kLater = 0.6;  // what the loss is multiplied by afterwards
  const DistillationWeights weights{0.7, 0.2, 0.4};
  const DistillationProblem problem = make_problem(10);
  for (const std::int64_t chunk : {3, 10}) {
    const auto run = [&](bool at_once) {
      const at::Tensor hidden = problem.hidden.clone().requires_grad_();
      const at::Tensor head = problem.head.clone().requires_grad_();
      at::Tensor loss;
      if (at_once) {
        loss = weighted_distillation(hidden, head, problem.teacher, problem.targets, 2.0, 9,
                                     weights, chunk);
      } else {
        const auto terms =
            distillation_terms(hidden, head, problem.teacher, problem.targets, 2.0, 9, chunk);
        loss = terms.forward_kl.sum() * weights.forward_kl +
               terms.reverse_kl.sum() * weights.reverse_kl + terms.hard.sum() * weights.hard;
      }
      (loss * kLater).backward();
      return std::vector<at::Tensor>{loss.detach(), hidden.grad(), head.grad()};
    };

    const auto found = run(true), expected = run(false);

    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_LT(((found[i] - expected[i]).norm() / expected[i].norm()).item<double>(), 1e-13) << i;
  }
}

TEST(DistillationTerms, TheTeacherGetsNoGradient) {
  DistillationProblem problem = make_problem(2);
  problem.teacher.hidden.requires_grad_();
  problem.teacher.head.requires_grad_();
  const at::Tensor hidden = problem.hidden.clone().requires_grad_();
  weighted(problem,
           distillation_terms(hidden, problem.head, problem.teacher, problem.targets, 1.0, 9))
      .backward();
  EXPECT_FALSE(problem.teacher.hidden.grad().defined());
  EXPECT_FALSE(problem.teacher.head.grad().defined());
}

}  // namespace
}  // namespace r1::vocabulary
