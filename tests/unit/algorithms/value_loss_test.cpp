// The clipped value loss against the fixture, and explained variance.
#include "algorithms/value_loss.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;
using test::Ragged;

TEST(ValueLoss, MatchesFixture) {
  const auto fixture = test::load_loss_fixture("ppo_value");
  const auto& input = fixture["inputs"]["main"];
  const Ragged ragged(input["mask"]);
  for (const auto& item : fixture["cases"]) {
    const auto& expected = item["expected"];
    const std::string name = item["name"];
    const at::Tensor values = ragged.pick(input["values"]).clone().requires_grad_();
    const at::Tensor old_values = ragged.pick(input["old_values"]);
    const at::Tensor returns = ragged.pick(input["returns"]);
    const LossDenominators step{static_cast<double>(values.numel()), 3};
    const ValueLossOptions options{item["params"]["value_clip"], 1.0};
    const ValueLoss found = value_loss(values, old_values, returns, options, step);
    found.loss.backward();
    expect_close(found.loss, expected["loss"], name);
    expect_close(values.grad(), ragged.pick(expected["grad_values"]), name);
    EXPECT_NEAR(value_metrics(found.sums).at("value_clip_fraction"),
                expected["clip_frac"].get<double>(), 1e-12);
    const ValueLoss unclipped = value_loss(values, old_values, returns, {0.0, 1.0}, step);
    expect_close(unclipped.loss, expected["unclipped_loss"], name);
  }
}

TEST(ValueMetrics, ExplainedVarianceOfPartsEqualsTheWhole) {
  at::manual_seed(4);
  const at::Tensor returns = at::randn({40}, at::kDouble);
  const at::Tensor old_values = returns + 0.5 * at::randn({40}, at::kDouble);
  at::Tensor sums = at::zeros({static_cast<std::int64_t>(ValueSum::Count)}, at::kDouble);
  for (const std::int64_t begin : {0, 20}) {
    const auto cut = [&](const at::Tensor& t) { return t.narrow(0, begin, 20); };
    sums += value_loss(cut(old_values), cut(old_values), cut(returns), {}, {40, 2}).sums;
  }
  const double expected =
      1.0 - ((returns - old_values).var(0, false) / returns.var(0, false)).item<double>();
  EXPECT_NEAR(value_metrics(sums).at("explained_variance"), expected, 1e-12);
}

}  // namespace
}  // namespace r1::algorithms
