// GAE, whitening and group advantages against the fixtures; ragged edges; reductions over parts.
#include "algorithms/advantages.h"

#include <ATen/ATen.h>

#include <cmath>

#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;
using test::Ragged;

TEST(Gae, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("gae");
  const auto& input = fixture["inputs"]["main"];
  const Ragged ragged(input["mask"]);
  for (const auto& item : fixture["cases"]) {
    const auto& params = item["params"];
    const auto& expected = item["expected"];
    const GaeResult found =
        gae(ragged.pick(input["rewards"]), ragged.pick(input["values"]), ragged.lengths,
            test::to_tensor(params["bootstrap_value"]), params["gamma"], params["lam"]);
    const std::string name = item["name"];
    expect_close(found.advantages, ragged.pick(expected["advantages"]), name);
    expect_close(found.returns, ragged.pick(expected["returns"]), name);
    expect_close(whiten(found.advantages, no_reduction),
                 ragged.pick(expected["whitened_advantages"]), name);
  }
}

TEST(Gae, SequenceWithoutTokensIsPassedOver) {
  const at::Tensor rewards = at::tensor({1.0, 2.0}, at::kDouble);
  const at::Tensor lengths = at::tensor({1, 0, 1}, at::kLong);
  const at::Tensor bootstrap = at::tensor({0.0, 9.0, 0.5}, at::kDouble);
  const auto found = gae(rewards, at::zeros({2}, at::kDouble), lengths, bootstrap, 1.0, 0.95);
  expect_close(found.advantages, at::tensor({1.0, 2.5}, at::kDouble), "advantages");
}

TEST(Whiten, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("whitening");
  const auto& input = fixture["inputs"]["main"];
  const Ragged ragged(input["mask"]);
  for (const auto& item : fixture["cases"]) {
    const bool keep_mean = !item["params"]["shift_mean"].get<bool>();
    expect_close(whiten(ragged.pick(input["x"]), no_reduction, keep_mean),
                 ragged.pick(item["expected"]["whitened"]), item["name"]);
  }
}

// Two ranks, one after another: the reducer adds what the other rank would have sent.
TEST(Whiten, UsesTheMomentsOfAllRanks) {
  at::manual_seed(1);
  const at::Tensor all = at::randn({50}, at::kDouble) * 3.0 + 7.0;
  const at::Tensor mine = all.narrow(0, 0, 20), theirs = all.narrow(0, 20, 30);
  const double mean = all.mean().item<double>();
  int call = 0;
  const SumReducer reduce = [&](at::Tensor& sums) {
    if (call++ == 0)
      sums.add_(at::stack({at::full({}, 30.0, at::kDouble), theirs.sum()}));
    else
      sums.add_((theirs - mean).square().sum());
  };
  expect_close(whiten(mine, reduce), whiten(all, no_reduction).narrow(0, 0, 20), "whitened");
}

TEST(GroupAdvantages, MatchFixture) {
  const auto fixture = test::load_loss_fixture("group_advantages");
  const at::Tensor rewards = test::to_tensor(fixture["inputs"]["main"]["rewards"]);
  const at::Tensor groups =
      at::arange(rewards.size(0), at::kLong).repeat_interleave(rewards.size(1));
  for (const auto& item : fixture["cases"]) {
    const auto& params = item["params"];
    AdvantageOptions options;
    options.kind = params["kind"];
    if (params.contains("ddof")) options.ddof = params["ddof"];
    if (params.contains("eps")) options.epsilon = params["eps"];
    const auto found = group_advantages(rewards.flatten(), groups, options, no_reduction);
    expect_close(found.advantages.view(rewards.sizes()), item["expected"]["advantages"],
                 item["name"]);
    EXPECT_EQ(found.num_groups, rewards.size(0));
    EXPECT_EQ(found.num_zero_groups, 1);
  }
}

TEST(GroupAdvantages, EqualRewardsAndSinglesGiveExactlyZero) {
  const at::Tensor rewards = at::tensor({0.1, 5.0, 0.1, 0.1}, at::kDouble);
  const at::Tensor groups = at::tensor({8, 2, 8, 8}, at::kLong);  // any numbers, any order
  for (const char* kind : {"grpo", "dr_grpo", "rloo", "batch_std"}) {
    AdvantageOptions options;
    options.kind = kind;
    const auto found = group_advantages(rewards, groups, options, no_reduction);
    EXPECT_TRUE(at::equal(found.advantages, at::zeros({4}, at::kDouble))) << kind;
    EXPECT_EQ(found.num_zero_groups, 2);
  }
}

}  // namespace
}  // namespace r1::algorithms
