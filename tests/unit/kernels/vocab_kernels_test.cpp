// Softmax statistics of rows of logits, divergences of pairs of rows and their gradients, on the
// CPU and on a GPU, against fp64.
#include <cmath>

#include "kernels/distillation_rows.h"
#include "kernels/vocab_rows.h"
#include "unit/kernels/kernel_test.h"

namespace r1::kernels {
namespace {

using test::Tensors;

class VocabKernels : public test::KernelTest {
 protected:
  // Statistics and gradients are fp32 at least, so bf16 rows of the table narrow the gradient.
  at::Tensor logits(std::int64_t rows, std::int64_t size, std::uint64_t seed) const {
    at::manual_seed(seed);
    return (at::randn({rows, size}, at::kDouble) * 5).to(wide()).to(GetParam().device());
  }
  at::Tensor weights(std::int64_t rows, std::uint64_t seed) const {
    at::manual_seed(seed);
    return here(at::randn({rows}, at::kDouble).to(wide()));
  }
  static at::Tensor targets(at::IntArrayRef shape, std::int64_t size) {
    return (at::arange(c10::multiply_integers(shape), at::kLong) * 7919 % size).view(shape);
  }
  static at::Tensor exact(const at::Tensor& x) { return x.to(at::kCPU, at::kDouble); }
  void expect_near(const at::Tensor& found, const at::Tensor& expected, double bound) const {
    ASSERT_EQ(found.sizes(), expected.sizes());
    EXPECT_LT(difference(found, expected), bound);
  }
  /// A part of wider memory: rows that begin anywhere.
  at::Tensor in_wider_rows(const at::Tensor& x, std::int64_t offset) const {
    auto memory = at::empty({x.size(0), x.size(1) + offset + 3}, x.options());
    auto view = memory.narrow(1, offset, x.size(1));
    view.copy_(x);
    return view;
  }
  double statistics_bound() const { return dtype() == at::kDouble ? 1e-13 : 1e-5; }
  double gradient_bound() const {
    return dtype() == at::kDouble ? 1e-12 : dtype() == at::kFloat ? 1e-5 : 8e-3;
  }
  at::Tensor narrow_for(const at::Tensor& logits) const {
    return dtype() == at::kBFloat16 ? at::empty(logits.sizes(), logits.options().dtype(dtype()))
                                    : at::Tensor();
  }
};

// Sizes: fewer than a thread block, not a multiple of four, more than a block takes at a time.
constexpr std::int64_t kSizes[] = {1, 5, 1000, 4099, 33000, 33002};

TEST_P(VocabKernels, StatisticsOfRows) {
  constexpr std::int64_t kRows = 6, kTargets = 3;
  for (const auto size : kSizes)
    for (const std::int64_t offset : {0, 1})
      for (const double scale : {1.0, 0.7}) {
        SCOPED_TRACE(fmt::format("size {}, offset {}, scale {}", size, offset, scale));
        const auto rows = in_wider_rows(logits(kRows, size, 1), offset);
        const auto ids = targets({kRows, kTargets}, size);

        const auto found = rows_statistics(rows, here(ids), scale, /*with_dot=*/true);

        const auto z = exact(rows) * scale, max = z.amax(1), shifted = z - max.unsqueeze(1);
        expect_near(found.max, max, statistics_bound());
        expect_near(found.sum, shifted.exp().sum(1), statistics_bound());
        expect_near(found.at_targets, z.gather(1, ids), statistics_bound());
        if (size > 1)
          expect_near(found.dot, (shifted.exp() * shifted).sum(1), statistics_bound());
        else
          EXPECT_LT(found.dot.abs().max().item<double>(), 1e-5);
        const auto plain = rows_statistics(rows, here(ids), scale, /*with_dot=*/false);
        expect_near(plain.sum, shifted.exp().sum(1), statistics_bound());
        EXPECT_FALSE(plain.dot.defined());
      }
}

TEST_P(VocabKernels, StatisticsOfNoRows) {
  if (!GetParam().gpu) GTEST_SKIP() << "callers form no chunk without rows";
  const auto found = rows_statistics(logits(0, 100, 1), here(targets({0, 1}, 100)), 1.0, true);
  EXPECT_EQ(found.max.size(0), 0);
}

TEST_P(VocabKernels, ARowWithoutANumberHasNoSum) {
  auto rows = logits(2, 9000, 2);
  rows[1][8500] = std::nan("");

  const auto found = rows_statistics(rows, here(targets({2, 1}, 9000)), 1.0, false);

  EXPECT_TRUE(std::isfinite(found.sum[0].item<double>()));
  EXPECT_FALSE(std::isfinite((found.max[1] + found.sum[1].log()).item<double>()));
}

TEST_P(VocabKernels, GradientOfRows) {
  constexpr std::int64_t kRows = 5;
  for (const auto size : kSizes)
    for (const std::int64_t num_targets : {0, 1, 4})
      for (const bool entropy : {false, true}) {
        if ((num_targets == 0 && !entropy) || num_targets > size) continue;
        SCOPED_TRACE(fmt::format("size {}, {} targets, entropy {}", size, num_targets, entropy));
        constexpr double kScale = 0.8;
        auto rows = in_wider_rows(logits(kRows, size, 3), size % 2);
        const auto x = exact(rows).clone().requires_grad_(true);
        const auto ids = targets({kRows, std::max<std::int64_t>(1, num_targets)}, size);
        const auto log_p = at::log_softmax(x * kScale, 1);
        const auto entropies = -(log_p.exp() * log_p).sum(1);
        at::manual_seed(4);
        const auto grads = at::randn({kRows, ids.size(1)}, at::kDouble).to(at::kFloat);
        const auto grad_entropy = at::randn({kRows}, at::kDouble).to(at::kFloat);
        auto loss = at::zeros({}, at::kDouble);
        if (num_targets > 0) loss = loss + (log_p.gather(1, ids) * grads).sum();
        if (entropy) loss = loss + (entropies * grad_entropy).sum();
        loss.backward();

        const auto found =
            rows_gradient_(rows,
                           {here(ids), here(at::logsumexp(x.detach() * kScale, 1).to(wide())),
                            entropy ? here(entropies.detach().to(wide())) : at::Tensor(),
                            num_targets > 0 ? here(grads.to(wide())) : at::Tensor(),
                            entropy ? here(grad_entropy.to(wide())) : at::Tensor()},
                           kScale, narrow_for(rows));

        if (size > 1)
          expect_near(found, x.grad(), gradient_bound());
        else
          EXPECT_LT(found.abs().max().item<double>(), 1e-5);
      }
}

TEST_P(VocabKernels, TargetsThatAreNotHeldHaveNoColumn) {
  constexpr std::int64_t kRows = 3, kSize = 1000;
  auto rows = logits(kRows, kSize, 5);
  const auto x = exact(rows).clone();
  const auto ids = at::tensor({0, 0, 17, 0, 5, 0}, at::kLong).view({kRows, 2});
  const auto held = at::tensor({0, 1, 1, 0, 1, 1}, at::kLong).view({kRows, 2}).to(at::kBool);
  const auto grads = at::arange(1, 7, at::kDouble).view({kRows, 2}).to(at::kFloat);
  const auto p = at::softmax(x, 1);
  const auto expected =
      (-p * grads.to(at::kDouble).sum(1, true)).scatter_add(1, ids, grads.to(at::kDouble) * held);

  const auto found = rows_gradient_(
      rows,
      {here(ids), here(at::logsumexp(x, 1).to(wide())), {}, here(grads.to(wide())), {}, here(held)},
      1.0, narrow_for(rows));

  expect_near(found, expected, gradient_bound());
}

struct Divergences {
  at::Tensor forward, reverse, hard;
};

Divergences divergences(const at::Tensor& student, const at::Tensor& teacher,
                        const at::Tensor& targets, double scale) {
  const auto log_q = at::log_softmax(student.narrow(1, 0, teacher.size(1)) * scale, 1),
             log_p = at::log_softmax(teacher * scale, 1);
  return {(log_p.exp() * (log_p - log_q)).sum(1), (log_q.exp() * (log_q - log_p)).sum(1),
          -at::log_softmax(student, 1).gather(1, targets.unsqueeze(1)).squeeze(1)};
}

TEST_P(VocabKernels, StatisticsOfPairs) {
  constexpr std::int64_t kRows = 4;
  for (const auto size : kSizes)
    for (const std::int64_t surplus : {0, 4, 9}) {
      SCOPED_TRACE(fmt::format("size {}, {} more of the student", size, surplus));
      constexpr double kScale = 1.0 / 3.0;
      // Far apart on average: differences are those of logits less their maximum.
      const auto student = logits(kRows, size + surplus, 6) + 8.0, teacher = logits(kRows, size, 7);

      const auto found = pair_rows_statistics(student, teacher, kScale);

      const auto s = exact(student), common = s.narrow(1, 0, size) * kScale,
                 t = exact(teacher) * kScale;
      const auto a = common - common.amax(1, true), b = t - t.amax(1, true);
      const auto bound = statistics_bound() * 10;
      expect_near(found.max_student, common.amax(1), bound);
      expect_near(found.max_teacher, t.amax(1), bound);
      expect_near(found.max_hard, s.amax(1), bound);
      expect_near(found.sums.student, a.exp().sum(1), bound);
      expect_near(found.sums.teacher, b.exp().sum(1), bound);
      expect_near(found.sum_hard, (s - s.amax(1, true)).exp().sum(1), bound);
      if (size == 1) continue;
      expect_near(found.sums.student_dot, (a.exp() * (b - a)).sum(1), bound);
      expect_near(found.sums.teacher_dot, (b.exp() * (b - a)).sum(1), bound);
    }
}

TEST_P(VocabKernels, GradientOfPairs) {
  constexpr std::int64_t kRows = 4;
  for (const auto size : kSizes)
    for (const std::int64_t surplus : {0, 4, 9}) {
      SCOPED_TRACE(fmt::format("size {}, {} more of the student", size, surplus));
      constexpr double kScale = 0.5;
      auto student = logits(kRows, size + surplus, 8);
      const auto teacher = logits(kRows, size, 9);
      const auto ids = targets({kRows}, size + surplus);
      const auto x = exact(student).clone().requires_grad_(true), t = exact(teacher);
      const auto terms = divergences(x, t, ids, kScale);
      const auto forward = weights(kRows, 10), reverse = weights(kRows, 11),
                 hard = weights(kRows, 12);
      ((terms.forward * exact(forward) + terms.reverse * exact(reverse) + terms.hard * exact(hard))
           .sum())
          .backward();
      const auto s = x.detach();

      const auto found = pair_rows_gradient_(
          student, teacher,
          {here(at::logsumexp(s.narrow(1, 0, size) * kScale, 1).to(wide())),
           here(at::logsumexp(t * kScale, 1).to(wide())), here(at::logsumexp(s, 1).to(wide())),
           here(terms.reverse.detach().to(wide())), forward, reverse, hard, here(ids)},
          kScale, narrow_for(student));

      if (size + surplus > 1)
        expect_near(found, x.grad(), gradient_bound());
      else
        EXPECT_LT(found.abs().max().item<double>(), 1e-5);
    }
}

INSTANTIATE_TEST_SUITE_P(Places, VocabKernels, ::testing::ValuesIn(test::all_places()),
                         test::place_name);

}  // namespace
}  // namespace r1::kernels
