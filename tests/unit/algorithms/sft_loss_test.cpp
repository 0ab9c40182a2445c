// Cross entropy against the fixture, through vocab_logprobs; the score-function gradient.
#include "algorithms/sft_loss.h"

#include <ATen/ATen.h>

#include <cmath>

#include "algorithms/score_function_loss.h"
#include "support/loss_fixture.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::algorithms {
namespace {

using test::expect_close;

TEST(SftLoss, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("sft_ce");
  const auto& input = fixture["inputs"]["main"];
  const at::Tensor labels = test::to_indices(input["labels"]).slice(1, 1);  // logits t -> label t+1
  const at::Tensor kept = labels.ne(-100);
  for (const auto& item : fixture["cases"]) {
    const auto& expected = item["expected"];
    const std::string name = item["name"];
    const at::Tensor logits = test::to_tensor(input["logits"]).requires_grad_();
    const std::int64_t vocab = logits.size(2);
    const at::Tensor rows =
        logits.slice(1, 0, -1).masked_select(kept.unsqueeze(2)).view({-1, vocab});
    const at::Tensor logprobs =
        vocabulary::vocab_logprobs(rows, at::eye(vocab, at::kDouble), labels.masked_select(kept))
            .logprobs;
    const double tokens = item.contains("params")
                              ? item["params"]["num_items_in_batch"].get<double>()
                              : expected["num_tokens"].get<double>();
    const SftLoss found = sft_loss(logprobs, {tokens, 3});
    found.loss.backward();
    expect_close(found.loss, expected["loss"], name);
    expect_close(logits.grad(), expected["grad_logits"], name);
    EXPECT_EQ(found.sums[0].item<double>(), 8.0);
    if (expected.contains("row_nll_sums"))
      expect_close(found.sums[1], test::to_tensor(expected["row_nll_sums"]).sum(), name);
    if (expected.contains("per_token_nll"))
      expect_close(-logprobs, test::to_tensor(expected["per_token_nll"]).masked_select(kept), name);
  }
}

// The expectation over a policy of three answers, formed exactly, has the loss's expected gradient.
TEST(ScoreFunctionLoss, ExpectedGradientIsThatOfTheExpectedCost) {
  const at::Tensor safety = at::tensor({0.9, 0.2, 0.5}, at::kDouble);
  const at::Tensor logits = at::tensor({0.3, -0.2, 0.1}, at::kDouble).requires_grad_();
  const at::Tensor p = at::softmax(logits, 0);
  (p * -safety.log()).sum().backward();
  const at::Tensor exact = logits.grad().clone();
  logits.mutable_grad() = at::Tensor();
  const at::Tensor cost = centred_costs(safety, no_reduction);
  EXPECT_NEAR(cost.sum().item<double>(), 0.0, 1e-15);
  const at::Tensor log_p = at::log_softmax(logits, 0);
  for (std::int64_t answer = 0; answer < 3; ++answer) {
    const at::Tensor loss = score_function_loss(
        log_p.narrow(0, answer, 1), at::zeros({1}, at::kLong), cost.narrow(0, answer, 1), {1, 1});
    (loss * p[answer].detach()).backward({}, /*retain_graph=*/true);
  }
  expect_close(logits.grad(), exact, "gradient");
}

TEST(ScoreFunctionLoss, CertainToxicityHasAFiniteCost) {
  const at::Tensor cost = centred_costs(at::tensor({0.0, 1.0}, at::kDouble), no_reduction);
  EXPECT_NEAR(cost[0].item<double>(), -0.5 * std::log(1e-8), 1e-9);
}

}  // namespace
}  // namespace r1::algorithms
