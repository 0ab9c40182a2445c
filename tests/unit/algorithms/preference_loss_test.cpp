// The loss of DPO and of reward models against fixtures.
#include "algorithms/preference_loss.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;

struct PreferenceCase {
  PreferenceCase(const nlohmann::json& inputs, const nlohmann::json& params)
      : chosen(test::to_tensor(inputs["chosen"]).requires_grad_()),
        rejected(test::to_tensor(inputs["rejected"]).requires_grad_()),
        beta(params["beta"]) {
    options.label_smoothing = params["label_smoothing"];
    options.center_rewards_coefficient = params["center_rewards_coefficient"];
    chosen_reward = reward(chosen, inputs["reference_chosen"]);
    rejected_reward = reward(rejected, inputs["reference_rejected"]);
  }
  /// beta 0: the inputs are a reward model's scores.
  at::Tensor reward(const at::Tensor& input, const nlohmann::json& reference) const {
    return beta > 0.0 ? (input - test::to_tensor(reference)) * beta : input;
  }
  at::Tensor chosen, rejected, chosen_reward, rejected_reward;
  double beta;
  PreferenceLossOptions options;
};

TEST(PreferenceLoss, MatchesTheFixture) {
  const auto fixture = test::load_loss_fixture("preference");
  for (const auto& item : fixture["cases"]) {
    const std::string name = item["name"];
    const auto& expected = item["expected"];
    const PreferenceCase given(fixture["inputs"], item["params"]);
    const auto found =
        preference_loss(given.chosen_reward, given.rejected_reward, given.options, 5);
    found.loss.backward();
    expect_close(found.loss, expected["loss"], name + " loss");
    expect_close(given.chosen.grad(), expected["gradients"][0], name + " gradient of chosen");
    expect_close(given.rejected.grad(), expected["gradients"][1], name + " gradient of rejected");
    const auto metrics = preference_metrics(found.sums);
    EXPECT_NEAR(metrics.at("loss"), expected["loss"].get<double>(), 1e-12);
    EXPECT_NEAR(metrics.at("preference_accuracy"), expected["accuracy"].get<double>(), 1e-12);
    EXPECT_NEAR(metrics.at("chosen_reward"), expected["chosen_reward"].get<double>(), 1e-12);
    EXPECT_NEAR(metrics.at("reward_margin"),
                expected["chosen_reward"].get<double>() - expected["rejected_reward"].get<double>(),
                1e-12);
  }
}

TEST(PreferenceLoss, MicroBatchesAddUp) {
  const auto fixture = test::load_loss_fixture("preference");
  for (const auto& item : fixture["cases"]) {
    const PreferenceCase given(fixture["inputs"], item["params"]);
    at::Tensor loss = at::zeros({}, at::kDouble);
    for (const auto& [begin, size] : {std::pair{0, 2}, std::pair{2, 0}, std::pair{2, 3}})
      loss = loss + preference_loss(given.chosen_reward.narrow(0, begin, size),
                                    given.rejected_reward.narrow(0, begin, size), given.options, 5)
                        .loss;
    expect_close(loss, item["expected"]["loss"], item["name"]);
  }
}

TEST(PreferenceLoss, LargeMarginsStayFinite) {
  const at::Tensor chosen = at::tensor({-800.0, 800.0}, at::kDouble).requires_grad_();
  const auto found = preference_loss(chosen, at::zeros({2}, at::kDouble), {}, 2);
  found.loss.backward();
  EXPECT_DOUBLE_EQ(found.loss.item<double>(), 400.0);
  EXPECT_DOUBLE_EQ(chosen.grad()[0].item<double>(), -0.5);
}

}  // namespace
}  // namespace r1::algorithms
