// PPO and GRPO losses against the fixtures; the split into micro-batches does not matter.
#include "algorithms/policy_loss.h"

#include <ATen/ATen.h>

#include "support/loss_fixture.h"

namespace r1::algorithms {
namespace {

using test::expect_close;
using test::Ragged;

constexpr double kSplit = 1e-10;  // micro-batches against the whole, fp64

KlOptions no_kl() {
  KlOptions kl;
  kl.place = "none";
  return kl;
}

TEST(PolicyLoss, MatchesPpoFixture) {
  const auto fixture = test::load_loss_fixture("ppo_policy");
  const auto& input = fixture["inputs"]["main"];
  const Ragged ragged(input["mask"]);
  for (const auto& item : fixture["cases"]) {
    const auto& params = item["params"];
    const auto& expected = item["expected"];
    PolicyLossOptions options;
    options.entropy_coef = 0.0;
    options.clip_low = params["clip_low"];
    options.clip_high = params["clip_high"];
    if (!params["dual_clip"].is_null()) options.dual_clip = params["dual_clip"];
    const at::Tensor logprobs = ragged.pick(input["logprobs"]).clone().requires_grad_();
    const PolicyBatch batch{logprobs,
                            ragged.pick(input["old_logprobs"]),
                            ragged.pick(input["advantages"]),
                            {},
                            {},
                            ragged.sequence_ids,
                            ragged.lengths};
    const double tokens = static_cast<double>(logprobs.numel());
    const PolicyLoss found = policy_loss(batch, options, no_kl(), {tokens, 3});
    found.loss.backward();
    const std::string name = item["name"];
    expect_close(found.loss, expected["loss"], name + " loss");
    expect_close(logprobs.grad(), ragged.pick(expected["grad_logprobs"]), name + " gradient");
    const auto metrics = policy_metrics(found.sums);
    const auto expect_metric = [&](double value, const char* key) {
      EXPECT_NEAR(value, expected[key].get<double>(), 1e-12) << name << " " << key;
    };
    expect_metric(metrics.at("clip_fraction_low") + metrics.at("clip_fraction_high"), "clip_frac");
    expect_metric(metrics.at("kl_old_new"), "approx_kl_k1");
    expect_metric(metrics.at("kl_old_new_k3"), "approx_kl_k3");
  }
}

struct GrpoCase {
  GrpoCase(const nlohmann::json& input, const nlohmann::json& params) : ragged(input["mask"]) {
    logprobs = ragged.pick(input["logprobs"]).clone().requires_grad_();
    batch = {logprobs,
             ragged.pick(input["old_logprobs"]),
             ragged.spread(test::to_tensor(input["advantages"])),
             ragged.pick(input["ref_logprobs"]),
             {},
             ragged.sequence_ids,
             ragged.lengths};
    options.entropy_coef = 0.0;
    options.clip_low = params["clip_low"];
    options.clip_high = params["clip_high"];
    options.constant_length = params["constant_length"];
    kl.place = "loss";
    kl.estimator = "k3";
    kl.coefficient = params["beta"];
    whole = {static_cast<double>(logprobs.numel()), static_cast<double>(ragged.lengths.size(0))};
  }

  /// The sequences [begin, begin + count) as a micro-batch of their own.
  PolicyBatch rows(std::int64_t begin, std::int64_t count) const {
    const std::int64_t first = ragged.lengths.narrow(0, 0, begin).sum().item<std::int64_t>();
    const std::int64_t size = ragged.lengths.narrow(0, begin, count).sum().item<std::int64_t>();
    const auto cut = [&](const at::Tensor& t) {
      return t.defined() ? t.narrow(0, first, size) : t;
    };
    return {cut(batch.logprobs),
            cut(batch.old_logprobs),
            cut(batch.advantages),
            cut(batch.reference_logprobs),
            cut(batch.entropy),
            cut(batch.sequence_ids) - begin,
            batch.lengths.narrow(0, begin, count)};
  }

  Ragged ragged;
  at::Tensor logprobs;
  PolicyBatch batch;
  PolicyLossOptions options;
  KlOptions kl;
  LossDenominators whole;
};

std::string our_name(const std::string& aggregation) {
  if (aggregation == "seq_mean_token_mean") return "sequence_mean";
  if (aggregation == "seq_mean_token_sum") return "sequence_mean_token_sum";
  return aggregation == "constant" ? "constant" : "token_mean";
}

/// token_mean_local is the bug that global denominators avoid; with a denominator per micro-batch
/// the same function gives it.
at::Tensor local_mean(GrpoCase& grpo, std::int64_t rows) {
  at::Tensor sum = at::zeros({}, at::kDouble);
  const std::int64_t num_rows = grpo.ragged.lengths.size(0);
  for (std::int64_t begin = 0; begin < num_rows; begin += rows) {
    const PolicyBatch part = grpo.rows(begin, rows);
    const double tokens = static_cast<double>(part.logprobs.numel());
    sum = sum + policy_loss(part, grpo.options, grpo.kl, {tokens, 0}).loss;
  }
  return sum / (num_rows / rows);
}

TEST(PolicyLoss, MatchesGrpoFixture) {
  const auto fixture = test::load_loss_fixture("grpo_loss");
  for (const auto& item : fixture["cases"]) {
    const auto& params = item["params"];
    const auto& expected = item["expected"];
    const std::string name = item["name"], aggregation = params["aggregation"];
    GrpoCase grpo(fixture["inputs"][item["input"].get<std::string>()], params);
    grpo.options.aggregation = our_name(aggregation);
    const PolicyLoss found = policy_loss(grpo.batch, grpo.options, grpo.kl, grpo.whole);
    const at::Tensor loss = aggregation == "token_mean_local"
                                ? local_mean(grpo, params["micro_batch_rows"])
                                : found.loss;
    loss.backward();
    expect_close(loss, expected["loss"], name + " loss");
    expect_close(grpo.logprobs.grad(), grpo.ragged.pick(expected["grad_logprobs"]),
                 name + " gradient");
    if (!expected.contains("kl_mean")) continue;
    const auto metrics = policy_metrics(found.sums);
    EXPECT_NEAR(metrics.at("kl_token_k3"), expected["kl_mean"].get<double>(), 1e-12) << name;
    EXPECT_NEAR(metrics.at("clip_fraction_low"), expected["clip_low_frac"].get<double>(), 1e-12);
    EXPECT_NEAR(metrics.at("clip_fraction_high"), expected["clip_high_frac"].get<double>(), 1e-12);
    EXPECT_NEAR(metrics.at("ratio_mean"), grpo.ragged.pick(expected["ratio"]).mean().item<double>(),
                1e-12);
  }
}

TEST(PolicyLoss, MicroBatchesGiveTheSameLossAndGradients) {
  const auto fixture = test::load_loss_fixture("grpo_loss");
  const nlohmann::json params = {
      {"clip_low", 0.2}, {"clip_high", 0.28}, {"beta", 0.04}, {"constant_length", 16}};
  for (const char* aggregation :
       {"token_mean", "sequence_mean", "constant", "sequence_mean_token_sum"}) {
    GrpoCase whole(fixture["inputs"]["empty_row"], params);
    whole.options.aggregation = aggregation;
    whole.options.entropy_coef = 0.01;
    whole.batch.entropy = whole.logprobs.square();  // any differentiable stand-in
    const PolicyLoss expected = policy_loss(whole.batch, whole.options, whole.kl, whole.whole);
    expected.loss.backward({}, /*retain_graph=*/true);
    const at::Tensor gradient = whole.logprobs.grad().clone();
    for (const std::int64_t parts : {1, 2, 8}) {
      whole.logprobs.mutable_grad() = at::Tensor();
      at::Tensor loss = at::zeros({}, at::kDouble);
      at::Tensor sums = at::zeros_like(expected.sums);
      for (std::int64_t part = 0; part < parts; ++part) {
        const PolicyLoss found = policy_loss(whole.rows(part * 8 / parts, 8 / parts), whole.options,
                                             whole.kl, whole.whole);
        found.loss.backward({}, /*retain_graph=*/true);
        loss += found.loss.detach();
        sums += found.sums;
      }
      expect_close(loss, expected.loss, aggregation, kSplit);
      expect_close(sums, expected.sums, aggregation, kSplit, 1e-13);
      expect_close(whole.logprobs.grad(), gradient, aggregation, kSplit);
    }
  }
}

TEST(PolicyLoss, EntropyBonusLowersTheLoss) {
  const at::Tensor entropy = at::full({4}, 2.0, at::kDouble).requires_grad_();
  const at::Tensor zeros = at::zeros({4}, at::kDouble);
  const PolicyBatch batch{
      zeros, zeros, zeros, {}, entropy, at::zeros({4}, at::kLong), at::full({1}, 4, at::kLong)};
  const PolicyLoss found = policy_loss(batch, PolicyLossOptions{}, no_kl(), {8, 2});
  found.loss.backward();
  EXPECT_NEAR(found.loss.item<double>(), -0.01 * 2.0 * 4 / 8, 1e-15);
  EXPECT_NEAR(entropy.grad()[0].item<double>(), -0.01 / 8, 1e-15);
}

TEST(PolicyLoss, EmptyMicroBatchAddsNothing) {
  const at::Tensor none = at::empty({0}, at::kDouble);
  const PolicyBatch batch{
      none, none, none, none, none, at::empty({0}, at::kLong), at::zeros({2}, at::kLong)};
  for (const char* aggregation : {"token_mean", "sequence_mean"}) {
    PolicyLossOptions options;
    options.aggregation = aggregation;
    EXPECT_EQ(policy_loss(batch, options, no_kl(), {8, 2}).loss.item<double>(), 0.0);
  }
}

}  // namespace
}  // namespace r1::algorithms
