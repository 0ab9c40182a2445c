// DeepSeek-V3's expert load: which experts the fixture's tokens visit, counted once a step, and the
// balance without an auxiliary loss.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "support/fixtures.h"

namespace r1::models {
namespace {

class ExpertLoad : public ::testing::TestWithParam<const char*> {
 protected:
  std::string folder_ = test::data_path(std::string("models/") + GetParam());
  std::unique_ptr<Model> model_ = test::load_fixture(GetParam(), at::kFloat);

  test::FixtureSequences sequences_ = test::read_sequences(folder_);
  // Recomputation in backward reads it again.
  ModelInput input_ =
      test::packed_input({sequences_.tokens[0]}, {sequences_.positions[0]}, at::kFloat);

  at::Tensor forward() const { return model_->forward(input_); }
  const Parameter& bias(std::int64_t layer) const {
    const auto name = fmt::format("model.layers.{}.mlp.gate.e_score_correction_bias", layer);
    return *std::find_if(model_->parameters().begin(), model_->parameters().end(),
                         [&](const Parameter& p) { return p.slices[0].name == name; });
  }
};

TEST_P(ExpertLoad, CountsTheExpertsOfTheFixture) {
  const auto expected = test::read_tensors(folder_ + "/expected.safetensors");
  forward();
  const auto load = model_->take_expert_load();
  const auto dense = model_->shape().dense_layers();
  ASSERT_EQ(load.size(0), model_->shape().num_hidden_layers - dense);
  for (std::int64_t i = 0; i < load.size(0); ++i) {
    const auto ids = expected.at(fmt::format("seq0.layer{}.topk_ids", dense + i));
    EXPECT_TRUE(at::equal(load[i], at::bincount(ids.flatten(), {}, load.size(1)))) << i;
  }
  EXPECT_EQ(model_->take_expert_load().sum().item<std::int64_t>(), 0);
}

TEST_P(ExpertLoad, CountsATokenOnceAndOnlyInTraining) {
  for (auto& parameter : model_->parameters()) parameter.value.requires_grad_(true);
  forward().sum().backward();
  const auto plain = model_->take_expert_load();
  for (const auto recompute : {Recompute::FeedForward, Recompute::Layer}) {
    model_->set_activation_checkpointing(recompute);
    forward().sum().backward();
    EXPECT_TRUE(at::equal(model_->take_expert_load(), plain));
  }
  const at::NoGradGuard no_grad;
  forward();
  EXPECT_EQ(model_->take_expert_load().sum().item<std::int64_t>(), 0);
}

TEST_P(ExpertLoad, CountsATokenForEverySampleThatSharesIt) {
  forward();
  const auto once = model_->take_expert_load();
  input_.token_uses = at::full_like(input_.token_ids, 3);
  forward();
  EXPECT_TRUE(at::equal(model_->take_expert_load(), once * 3));
  input_.token_uses[0] = 5;  // its two more samples: one visit each of top_k experts a layer
  forward();
  const auto top_k = model_->shape().experts.num_experts_per_token;
  EXPECT_TRUE((model_->take_expert_load() - once * 3).sum(1).eq(2 * top_k).all().item<bool>());
}

TEST_P(ExpertLoad, BalancingEvensItOut) {
  constexpr double kRate = 0.02;
  const auto spread = [&] {
    forward();
    const auto load = model_->take_expert_load();
    model_->balance_experts(load, kRate);
    return load[0].to(at::kDouble).std(/*unbiased=*/false).item<double>();
  };
  const auto before = bias(model_->shape().dense_layers()).value.clone();
  const double first = spread();
  const auto change = bias(model_->shape().dense_layers()).value - before;
  EXPECT_LE(change.abs().max().item<double>(), kRate * 1.001);
  double last = first;
  for (int step = 0; step < 60; ++step) last = spread();
  EXPECT_LT(last, 0.5 * first);
}

INSTANTIATE_TEST_SUITE_P(Fixtures, ExpertLoad,
                         ::testing::Values("deepseek_v3", "deepseek_v3_noqlora"));

}  // namespace
}  // namespace r1::models
