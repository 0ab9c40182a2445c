// KL estimators against the fixture; the penalty in the reward; the adaptive weight; its options.
#include "algorithms/kl.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;

TEST(KlEstimate, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("kl_estimators");
  const auto& input = fixture["inputs"]["main"];
  const at::Tensor mask = test::to_tensor(input["mask"]);
  for (const auto& item : fixture["cases"]) {
    const auto& expected = item["expected"];
    const std::string name = item["name"];
    const at::Tensor logprobs = test::to_tensor(input["logprobs"]).requires_grad_();
    const at::Tensor found = kl_estimate(name, logprobs, test::to_tensor(input["ref_logprobs"]));
    const at::Tensor mean = (found * mask).sum() / mask.sum();
    mean.backward();
    expect_close(found, expected["per_token"], name);
    expect_close(mean, expected["masked_mean"], name);
    expect_close(logprobs.grad(), expected["grad_logprobs_of_masked_mean"], name);
  }
}

TEST(RewardsWithKl, PenaltyAtEachTokenScoreAtTheLast) {
  const at::Tensor logprobs = at::tensor({-1.0, -2.0, -3.0}, at::kDouble);
  const at::Tensor reference = at::tensor({-2.0, -2.5, -2.0}, at::kDouble);
  const at::Tensor scores = at::tensor({10.0, 20.0, 30.0}, at::kDouble);
  const at::Tensor lengths = at::tensor({2, 0, 1}, at::kLong);
  expect_close(rewards_with_kl(logprobs, reference, scores, lengths, "k1", 0.1),
               at::tensor({-0.1, 10.0 - 0.05, 30.0 + 0.1}, at::kDouble), "rewards");
}

TEST(KlController, AdaptiveFollowsTheTargetWithABoundedError) {
  KlOptions options;
  options.controller = "adaptive";
  options.coefficient = 0.2;
  KlController controller(options);
  controller.update(6.6, 64);  // error 0.1
  EXPECT_NEAR(controller.coefficient(), 0.2 * (1 + 0.1 * 64 / 10000), 1e-15);
  controller.restore(0.2);
  controller.update(600.0, 64);  // bounded at 0.2
  EXPECT_NEAR(controller.coefficient(), 0.2 * (1 + 0.2 * 64 / 10000), 1e-15);
}

TEST(KlController, FixedStays) {
  KlController controller(KlOptions{});
  controller.update(600.0, 64);
  EXPECT_EQ(controller.coefficient(), 0.1);
}

TEST(KlOptions, K1InTheLossIsRefusedWithItsReason) {
  KlOptions options;
  options.place = "loss";
  base::Problems problems;
  options.check("kl", problems);
  ASSERT_EQ(problems.list().size(), 1u);
  EXPECT_EQ(problems.list()[0].key, "kl.estimator");
  EXPECT_NE(problems.list()[0].message.find("zero expected gradient"), std::string::npos);
  options.estimator = "k3";
  base::Problems none;
  options.check("kl", none);
  EXPECT_TRUE(none.empty());
}

}  // namespace
}  // namespace r1::algorithms
