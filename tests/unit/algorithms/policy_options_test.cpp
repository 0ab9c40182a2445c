// GSPO, CISPO and the rollout correction against fixtures; REINFORCE++'s advantages; what a
// correction is for: with its weights, samples of another policy give the gradient of this policy.
#include <ATen/ATen.h>

#include "algorithms/advantages.h"
#include "algorithms/kl.h"
#include "algorithms/policy_loss.h"
#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;

at::Tensor padded_mask(const nlohmann::json& lengths, std::int64_t longest) {
  const at::Tensor places = at::arange(longest, at::kLong).unsqueeze(0);
  return places.lt(test::to_indices(lengths).unsqueeze(1));
}

struct OptionsCase {
  OptionsCase(const nlohmann::json& inputs, const nlohmann::json& params)
      : lengths(test::to_indices(inputs["lengths"])),
        kept(padded_mask(inputs["lengths"],
                         static_cast<std::int64_t>(inputs["logprobs"][0].size()))) {
    const auto pick = [&](const char* name) {
      return test::to_tensor(inputs[name]).masked_select(kept);
    };
    logprobs = pick("logprobs").clone().requires_grad_();
    const at::Tensor ids = sequence_ids_of(lengths);
    batch = {logprobs,
             pick("old_logprobs"),
             params["advantages"] == "sample"
                 ? test::to_tensor(inputs["advantages"]).index_select(0, ids)
                 : pick("token_advantages"),
             pick("ref_logprobs"),
             {},
             ids,
             lengths,
             pick("sampled_logprobs")};
    options.entropy_coef = 0.0;
    options.loss_mode = params["loss_mode"];
    options.importance_sampling_level = params["importance_sampling_level"];
    options.clip_low = params["clip_low"];
    options.clip_high = params["clip_high"];
    options.aggregation = params["aggregation"];
    auto& correction = options.rollout_correction;
    correction.rollout_is = params["rollout_is"];
    correction.rollout_is_threshold = params["rollout_is_threshold"];
    correction.rollout_rs = params["rollout_rs"];
    correction.rollout_rs_threshold = params["rollout_rs_threshold"];
    correction.rollout_rs_threshold_lower = params["lower"];
    kl.place = "loss";
    kl.estimator = "k3";
    kl.coefficient = params["beta"];
    whole = {static_cast<double>(logprobs.numel()), static_cast<double>(lengths.numel())};
  }
  at::Tensor lengths, kept, logprobs;
  PolicyBatch batch;
  PolicyLossOptions options;
  KlOptions kl;
  LossDenominators whole;
};

TEST(PolicyOptions, MatchTheFixture) {
  const auto fixture = test::load_loss_fixture("policy_options");
  for (const auto& item : fixture["cases"]) {
    const std::string name = item["name"];
    const auto& expected = item["expected"];
    OptionsCase given(fixture["inputs"], item["params"]);
    const PolicyLoss found = policy_loss(given.batch, given.options, given.kl, given.whole);
    found.loss.backward();
    expect_close(found.loss, expected["loss"], name + " loss");
    expect_close(given.logprobs.grad(),
                 test::to_tensor(expected["grad_logprobs"]).masked_select(given.kept),
                 name + " gradient");
    auto metrics = policy_metrics(found.sums);
    metrics["ratio_max"] = found.largest_ratio.item<double>();
    for (const auto& [key, value] : expected["metrics"].items()) {
      if (!given.options.rollout_correction.used() && key.starts_with("rollout_")) {
        EXPECT_EQ(metrics.count(key), 0u) << name << ": no correction has no weights";
      } else {
        EXPECT_NEAR(metrics.at(key), value.get<double>(), 1e-12) << name << " " << key;
      }
    }
  }
}

// A weight or ratio of a sequence needs the whole sequence alone, never its neighbours.
TEST(PolicyOptions, MicroBatchesGiveTheSameLossAndGradients) {
  const auto fixture = test::load_loss_fixture("policy_options");
  for (const auto& item : fixture["cases"]) {
    const std::string name = item["name"];
    OptionsCase whole(fixture["inputs"], item["params"]), parts(fixture["inputs"], item["params"]);
    const PolicyLoss expected = policy_loss(whole.batch, whole.options, whole.kl, whole.whole);
    expected.loss.backward();
    at::Tensor loss = at::zeros({}, at::kDouble), sums = at::zeros_like(expected.sums);
    at::Tensor largest = at::zeros({}, at::kDouble);
    for (std::int64_t row = 0; row < parts.lengths.numel(); ++row) {
      const at::Tensor places = parts.batch.sequence_ids.eq(row).nonzero().squeeze(1);
      const auto cut = [&](const at::Tensor& t) { return t.index_select(0, places); };
      const PolicyBatch part{cut(parts.batch.logprobs),
                             cut(parts.batch.old_logprobs),
                             cut(parts.batch.advantages),
                             cut(parts.batch.reference_logprobs),
                             {},
                             at::zeros_like(places),
                             parts.lengths.narrow(0, row, 1),
                             cut(parts.batch.sampled_logprobs)};
      const PolicyLoss found = policy_loss(part, parts.options, parts.kl, parts.whole);
      found.loss.backward();
      loss += found.loss.detach();
      sums += found.sums;
      largest = at::maximum(largest, found.largest_ratio);
    }
    expect_close(loss, expected.loss, name);
    expect_close(sums, expected.sums, name, 1e-10, 1e-13);
    expect_close(largest, expected.largest_ratio, name);
    expect_close(parts.logprobs.grad(), whole.logprobs.grad(), name);
  }
}

TEST(PolicyOptions, EntropyOfFirstAndLastTokens) {
  const at::Tensor zeros = at::zeros({6}, at::kDouble);
  const at::Tensor lengths = at::tensor({3, 0, 1, 2}, at::kLong);
  const at::Tensor entropy = at::tensor({1.0, 2.0, 3.0, 4.0, 5.0, 6.0}, at::kDouble);
  const PolicyBatch batch{zeros, zeros, zeros, {}, entropy, sequence_ids_of(lengths), lengths};
  KlOptions kl;
  kl.place = "none";
  const auto metrics = policy_metrics(policy_loss(batch, PolicyLossOptions{}, kl, {6, 4}).sums);
  EXPECT_DOUBLE_EQ(metrics.at("entropy"), 3.5);
  EXPECT_DOUBLE_EQ(metrics.at("entropy_first_token"), (1.0 + 4.0 + 5.0) / 3.0);
  EXPECT_DOUBLE_EQ(metrics.at("entropy_last_token"), (3.0 + 4.0 + 6.0) / 3.0);
}

/// The expected gradient of the loss with respect to a policy's logits, where the one token of an
/// answer is drawn from `generator`: the sum over all tokens, each weighted by its probability.
at::Tensor expected_gradient(const at::Tensor& policy_logits, const at::Tensor& generator,
                             const at::Tensor& rewards, const PolicyLossOptions& options) {
  const at::Tensor logits = policy_logits.clone().requires_grad_();
  const at::Tensor logprobs = at::log_softmax(logits, 0);
  KlOptions kl;
  kl.place = "none";
  for (std::int64_t token = 0; token < rewards.numel(); ++token) {
    const auto of = [&](const at::Tensor& all) { return all.narrow(0, token, 1); };
    const PolicyBatch batch{of(logprobs),
                            of(logprobs).detach(),
                            of(rewards),
                            {},
                            {},
                            at::zeros({1}, at::kLong),
                            at::ones({1}, at::kLong),
                            of(generator)};
    const auto loss = policy_loss(batch, options, kl, {1, 1}).loss;
    (loss * of(generator).exp().squeeze(0)).backward({}, /*retain_graph=*/true);
  }
  return logits.grad();
}

TEST(RolloutCorrection, GivesTheGradientOfTheTrainersPolicy) {
  const at::Tensor logits = at::tensor({0.5, -0.2, 0.1, -1.0}, at::kDouble);
  const at::Tensor rewards = at::tensor({1.0, -0.5, 0.25, 2.0}, at::kDouble);
  const at::Tensor own = at::log_softmax(logits, 0);
  const at::Tensor noisy =
      at::log_softmax(logits + at::tensor({-0.8, 0.6, 0.3, -0.5}, at::kDouble), 0);
  PolicyLossOptions options;
  options.entropy_coef = 0.0;
  const at::Tensor wanted = expected_gradient(logits, own, rewards, options);
  const at::Tensor drifted = expected_gradient(logits, noisy, rewards, options);
  EXPECT_GT((drifted - wanted).norm().item<double>(), 0.3 * wanted.norm().item<double>());
  options.rollout_correction.rollout_is = "token";
  options.rollout_correction.rollout_is_threshold = 100.0;
  expect_close(expected_gradient(logits, noisy, rewards, options), wanted, "corrected", 1e-12,
               1e-14);
  options.rollout_correction.rollout_is_threshold = 1.5;  // a bound trades bias for variance
  const at::Tensor bounded = expected_gradient(logits, noisy, rewards, options);
  EXPECT_LT((bounded - wanted).norm().item<double>(), (drifted - wanted).norm().item<double>());
}

TEST(ReinforcePlusPlus, AdvantagesMatchTheFixture) {
  const auto fixture = test::load_loss_fixture("reinforce_plus_plus");
  const auto& input = fixture["inputs"];
  const at::Tensor lengths = test::to_indices(input["lengths"]);
  std::vector<double> logprobs, reference;
  test::flatten(input["logprobs"], logprobs);
  test::flatten(input["ref_logprobs"], reference);
  for (const auto& item : fixture["cases"]) {
    const at::Tensor rewards =
        rewards_with_kl(at::tensor(logprobs, at::kDouble), at::tensor(reference, at::kDouble),
                        test::to_tensor(input["rewards"]), lengths, "k1", item["beta"]);
    const at::Tensor zeros = at::zeros_like(rewards);
    const at::Tensor returns =
        gae(rewards, zeros, lengths, at::zeros({lengths.numel()}, at::kDouble), item["gamma"], 1.0)
            .advantages;
    expect_close(whiten(returns, no_reduction), item["advantages"], "advantages");
  }
}

}  // namespace
}  // namespace r1::algorithms
