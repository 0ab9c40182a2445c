// Log-probabilities and entropy over the vocabulary: fixtures, finite differences, dtypes, chunks.
#include "vocabulary/vocab_logprob.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::vocabulary {
namespace {

using test::expect_close;

// bf16 keeps 8 bits: logits of size 8 are off by up to 2^-6, and a sum of probabilities averages
// it.
constexpr double kBf16Logprob = 6e-2;
constexpr double kBf16GradientL2 = 2e-2;
constexpr double kFp32Logprob = 2e-5;
constexpr double kFp32GradientL2 = 2e-6;
constexpr double kFiniteDifference = 1e-6;

struct Problem {
  at::Tensor hidden, head, targets, weight_logprob, weight_entropy;
};

Problem make_problem(std::int64_t tokens, std::int64_t width, std::int64_t vocab) {
  at::manual_seed(3);
  const auto options = at::TensorOptions().dtype(at::kDouble);
  return {at::randn({tokens, width}, options),
          at::randn({vocab, width}, options) * (2.0 / std::sqrt(static_cast<double>(width))),
          at::randint(vocab, {tokens}, at::kLong), at::randn({tokens}, options),
          at::randn({tokens}, options)};
}

/// Values and gradients of sum(w1 * logprob) + sum(w2 * entropy).
struct Outcome {
  at::Tensor logprobs, entropy, grad_hidden, grad_head;
};

Outcome run(const Problem& problem, at::ScalarType dtype, double temperature, std::int64_t chunk) {
  const at::Tensor hidden = problem.hidden.to(dtype).detach().clone().requires_grad_();
  const at::Tensor head = problem.head.to(dtype).detach().clone().requires_grad_();
  const VocabLogprobs result =
      vocab_logprobs(hidden, head, problem.targets, temperature, true, chunk);
  ((result.logprobs * problem.weight_logprob).sum() +
   (result.entropy * problem.weight_entropy).sum())
      .backward();
  return {result.logprobs.detach(), result.entropy.detach(), hidden.grad(), head.grad()};
}

/// The same by whole-batch autograd in fp64, from inputs rounded to `dtype`.
Outcome plain(const Problem& problem, at::ScalarType dtype, double temperature) {
  const at::Tensor hidden =
      problem.hidden.to(dtype).to(at::kDouble).detach().clone().requires_grad_();
  const at::Tensor head = problem.head.to(dtype).to(at::kDouble).detach().clone().requires_grad_();
  const at::Tensor log_p = at::log_softmax(at::mm(hidden, head.t()) / temperature, 1);
  const at::Tensor logprobs = log_p.gather(1, problem.targets.unsqueeze(1)).squeeze(1);
  const at::Tensor entropy = -(log_p.exp() * log_p).sum(1);
  ((logprobs * problem.weight_logprob).sum() + (entropy * problem.weight_entropy).sum()).backward();
  return {logprobs.detach(), entropy.detach(), hidden.grad(), head.grad()};
}

double relative_l2(const at::Tensor& found, const at::Tensor& expected) {
  return ((found.to(at::kDouble) - expected).norm() / expected.norm()).item<double>();
}

double largest_error(const at::Tensor& found, const at::Tensor& expected) {
  return (found.to(at::kDouble) - expected).abs().max().item<double>();
}

TEST(VocabLogprobs, MatchEntropyFixture) {
  const auto fixture = test::load_loss_fixture("entropy");
  const auto& input = fixture["inputs"]["main"];
  const at::Tensor targets = test::to_indices(input["token_ids"]);
  for (const auto& item : fixture["cases"]) {
    const std::string name = item["name"];
    const auto& expected = item["expected"];
    const at::Tensor logits = test::to_tensor(input["logits"]).requires_grad_();
    const at::Tensor identity = at::eye(logits.size(1), at::kDouble);
    const double temperature = item["params"]["temperature"];
    const auto result = vocab_logprobs(logits, identity, targets, temperature, true, 4);
    expect_close(result.logprobs, expected["logprobs"], name + " logprobs");
    expect_close(result.entropy, expected["entropy"], name + " entropy");
    expect_close(result.entropy.mean(), expected["mean_entropy"], name + " mean entropy");
    expect_close(result.logprobs.mean(), expected["mean_logprob"], name + " mean logprob");
    result.entropy.mean().backward({}, /*retain_graph=*/true);
    expect_close(logits.grad(), expected["grad_logits_of_mean_entropy"], name + " grad of entropy");
    logits.mutable_grad() = at::Tensor();
    result.logprobs.mean().backward();
    expect_close(logits.grad(), expected["grad_logits_of_mean_logprob"], name + " grad of logprob");
  }
}

TEST(VocabLogprobs, Fp64EqualsWholeBatchAutograd) {
  const Problem problem = make_problem(13, 7, 31);
  const Outcome expected = plain(problem, at::kDouble, 0.7);
  for (const std::int64_t chunk : {1, 5, 13, 0}) {
    const Outcome found = run(problem, at::kDouble, 0.7, chunk);
    expect_close(found.logprobs, expected.logprobs, "logprobs");
    expect_close(found.entropy, expected.entropy, "entropy");
    expect_close(found.grad_hidden, expected.grad_hidden, "grad hidden", 1e-10, 1e-13);
    expect_close(found.grad_head, expected.grad_head, "grad head", 1e-10, 1e-13);
  }
}

TEST(VocabLogprobs, GradientsEqualFiniteDifferences) {
  const Problem problem = make_problem(3, 4, 9);
  const Outcome found = run(problem, at::kDouble, 1.3, 2);
  const auto loss = [&](const at::Tensor& hidden, const at::Tensor& head) {
    const auto result = vocab_logprobs(hidden, head, problem.targets, 1.3, true, 2);
    return ((result.logprobs * problem.weight_logprob).sum() +
            (result.entropy * problem.weight_entropy).sum())
        .item<double>();
  };
  const double step = 1e-5;
  for (const bool of_head : {false, true}) {
    const at::Tensor gradient = (of_head ? found.grad_head : found.grad_hidden).flatten();
    for (std::int64_t i = 0; i < gradient.numel(); ++i) {
      at::Tensor hidden = problem.hidden.clone(), head = problem.head.clone();
      at::Tensor moved = (of_head ? head : hidden).view({-1});
      moved[i] += step;
      const double above = loss(hidden, head);
      moved[i] -= 2 * step;
      const double below = loss(hidden, head);
      EXPECT_NEAR(gradient[i].item<double>(), (above - below) / (2 * step), kFiniteDifference);
    }
  }
}

TEST(VocabLogprobs, Fp32RowLoopsEqualFp64Reference) {
  const Problem problem = make_problem(37, 24, 1003);
  const Outcome expected = plain(problem, at::kFloat, 0.9);
  const Outcome found = run(problem, at::kFloat, 0.9, 16);
  EXPECT_LT(largest_error(found.logprobs, expected.logprobs), kFp32Logprob);
  EXPECT_LT(largest_error(found.entropy, expected.entropy), kFp32Logprob);
  EXPECT_LT(relative_l2(found.grad_hidden, expected.grad_hidden), kFp32GradientL2);
  EXPECT_LT(relative_l2(found.grad_head, expected.grad_head), kFp32GradientL2);
}

TEST(VocabLogprobs, Bf16RowLoopsEqualFp64Reference) {
  const Problem problem = make_problem(64, 32, 2051);
  const Outcome expected = plain(problem, at::kBFloat16, 1.0);
  const Outcome found = run(problem, at::kBFloat16, 1.0, 16);
  EXPECT_EQ(found.logprobs.scalar_type(), at::kFloat);
  EXPECT_EQ(found.grad_head.scalar_type(), at::kBFloat16);
  EXPECT_LT(largest_error(found.logprobs, expected.logprobs), kBf16Logprob);
  EXPECT_LT(largest_error(found.entropy, expected.entropy), kBf16Logprob);
  EXPECT_LT(relative_l2(found.grad_hidden, expected.grad_hidden), kBf16GradientL2);
  EXPECT_LT(relative_l2(found.grad_head, expected.grad_head), kBf16GradientL2);
}

TEST(VocabLogprobs, Bf16GradientKeepsTheRestOfALikelyTarget) {
  // p(target) = 0.999: rounded to bf16 before the 1 is subtracted it would be 1, the gradient 0.
  const at::Tensor hidden = at::ones({1, 1}, at::kBFloat16).requires_grad_();
  const at::Tensor head = at::zeros({1001, 1}, at::kBFloat16);
  head[7][0] = 13.8125;  // e^13.8125 / 1000 = 997
  vocab_logprobs(hidden, head, at::full({1}, 7, at::kLong)).logprobs.sum().backward();
  const double rest = 1000.0 / (1000.0 + std::exp(13.8125));
  EXPECT_NEAR(hidden.grad().item<double>(), rest * 13.8125, 1e-2 * rest * 13.8125);
}

TEST(VocabLogprobs, MicroBatchesGiveTheSameGradients) {
  const Problem problem = make_problem(16, 6, 21);
  const Outcome whole = run(problem, at::kDouble, 1.0, 0);
  for (const std::int64_t parts : {2, 8}) {
    const at::Tensor head = problem.head.clone().requires_grad_();
    const std::int64_t size = 16 / parts;
    for (std::int64_t part = 0; part < parts; ++part) {
      const auto cut = [&](const at::Tensor& t) { return t.narrow(0, part * size, size); };
      const auto result =
          vocab_logprobs(cut(problem.hidden), head, cut(problem.targets), 1.0, true);
      ((result.logprobs * cut(problem.weight_logprob)).sum() +
       (result.entropy * cut(problem.weight_entropy)).sum())
          .backward();
    }
    expect_close(head.grad(), whole.grad_head, "grad head", 1e-10, 1e-13);
  }
}

TEST(VocabLogprobs, SeveralIdsOfATokenEqualOneByOne) {
  const Problem problem = make_problem(9, 5, 40);
  const at::Tensor ids = at::stack({problem.targets, (problem.targets + 3).remainder(40)}, 1);
  for (const auto dtype : {at::kDouble, at::kFloat}) {
    const at::Tensor hidden = problem.hidden.to(dtype).clone().requires_grad_();
    const at::Tensor head = problem.head.to(dtype);
    const at::Tensor weights = at::randn({9, 2}, dtype);
    const at::Tensor both = vocab_logprobs_at(hidden, head, ids, 1.4, 4);
    (both * weights).sum().backward();
    const at::Tensor gradient = hidden.grad().clone();
    hidden.mutable_grad() = at::Tensor();
    for (const std::int64_t k : {0, 1}) {
      const auto one = vocab_logprobs(hidden, head, ids.select(1, k), 1.4);
      expect_close(both.select(1, k), one.logprobs, "logprobs", 1e-6);
      (one.logprobs * weights.select(1, k)).sum().backward();
    }
    const double tolerance = dtype == at::kDouble ? 1e-12 : 1e-5;
    expect_close(gradient, hidden.grad(), "gradient", tolerance, tolerance);
  }
}

TEST(VocabLogprobs, NothingIsKeptWithoutGradients) {
  const Problem problem = make_problem(4, 3, 8);
  const at::Tensor hidden = problem.hidden.clone().requires_grad_();
  const at::NoGradGuard guard;
  const auto result = vocab_logprobs(hidden, problem.head, problem.targets, 1.0, true);
  EXPECT_FALSE(result.logprobs.requires_grad());
  EXPECT_EQ(result.logprobs.grad_fn(), nullptr);
}

TEST(VocabLogprobs, NoTokensGiveEmptyResults) {
  const Problem problem = make_problem(4, 3, 8);
  const at::Tensor hidden = at::empty({0, 3}, at::kDouble).requires_grad_();
  const auto result = vocab_logprobs(hidden, problem.head, at::empty({0}, at::kLong), 1.0, true);
  EXPECT_EQ(result.logprobs.sizes(), at::IntArrayRef({0}));
  result.logprobs.sum().backward();
  EXPECT_EQ(hidden.grad().sizes(), hidden.sizes());
}

TEST(VocabCrossEntropy, EqualsTheLossOfTheLogprobs) {
  constexpr double kWeight = 0.37, kLater = 1.7;  // what the loss is multiplied by afterwards
  const Problem problem = make_problem(13, 6, 23);
  for (const std::int64_t chunk : {3, 13}) {
    const auto run = [&](bool at_once) {
      const at::Tensor hidden = problem.hidden.clone().requires_grad_();
      const at::Tensor head = problem.head.clone().requires_grad_();
      const at::Tensor loss =
          at_once
              ? vocab_cross_entropy(hidden, head, problem.targets, kWeight, chunk)
              : vocab_logprobs(hidden, head, problem.targets, 1.0, false, chunk).logprobs.sum() *
                    -kWeight;
      (loss * kLater).backward();
      return std::vector<at::Tensor>{loss.detach(), hidden.grad(), head.grad()};
    };

    const auto found = run(true), expected = run(false);

    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_LT(relative_l2(found[i], expected[i]), 1e-14) << i;
  }
}

TEST(VocabCrossEntropy, GradientsGoOnlyWhereTheyAreWanted) {
  const Problem problem = make_problem(5, 6, 23);
  const at::Tensor hidden = problem.hidden.clone().requires_grad_();

  vocab_cross_entropy(hidden, problem.head, problem.targets, 1.0).backward();

  EXPECT_TRUE(hidden.grad().defined());
  const at::NoGradGuard no_grad;
  EXPECT_FALSE(vocab_cross_entropy(hidden, problem.head, problem.targets, 1.0).requires_grad());
}

TEST(VocabCrossEntropy, OfNoTokensIsZero) {
  const Problem problem = make_problem(0, 6, 23);
  const at::Tensor head = problem.head.clone().requires_grad_();

  const at::Tensor loss = vocab_cross_entropy(problem.hidden, head, problem.targets, 1.0);
  loss.backward();

  EXPECT_EQ(loss.item<double>(), 0.0);
  EXPECT_EQ(head.grad().abs().max().item<double>(), 0.0);
}

TEST(VocabLogprobs, NanLogitsAreNotHidden) {
  for (const auto dtype : {at::kDouble, at::kFloat, at::kBFloat16}) {
    at::Tensor hidden = at::ones({2, 3}, dtype);
    hidden[1][0] = std::numeric_limits<double>::quiet_NaN();
    const auto result =
        vocab_logprobs(hidden, at::ones({50, 3}, dtype), at::zeros({2}, at::kLong), 1.0, true);
    EXPECT_TRUE(std::isfinite(result.logprobs[0].item<double>()));
    EXPECT_TRUE(std::isnan(result.logprobs[1].item<double>()));
    EXPECT_TRUE(std::isnan(result.entropy[1].item<double>()));
  }
}

}  // namespace
}  // namespace r1::vocabulary
