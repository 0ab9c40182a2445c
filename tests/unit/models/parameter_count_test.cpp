// The counts that plan works with are those of the models themselves.
#include <gtest/gtest.h>

#include "config/model_size.h"
#include "models/registry.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

ModelShape small_shape(const std::string& architecture) {
  ModelShape shape;
  shape.architecture = architecture;
  shape.vocab_size = 50;
  shape.hidden_size = 24;
  shape.num_hidden_layers = 3;
  shape.num_attention_heads = 4;
  shape.num_key_value_heads = 2;
  shape.intermediate_size = 20;
  shape.head_dim = 8;
  shape.latent_attention = {.q_lora_rank = 10,
                            .kv_lora_rank = 6,
                            .qk_nope_head_dim = 4,
                            .qk_rope_head_dim = 2,
                            .v_head_dim = 5};
  if (architecture == "deepseek_v3")
    shape.experts = {.num_experts = 4,
                     .num_experts_per_token = 2,
                     .moe_intermediate_size = 6,
                     .num_dense_layers = 1,
                     .num_groups = 2,
                     .num_groups_per_token = 1};
  return shape;
}

void expect_equal_counts(const ModelShape& shape) {
  const auto model = make_model(shape, at::kFloat, at::kCPU);
  EXPECT_EQ(static_cast<double>(model->num_parameters()), config::count_parameters(shape).total())
      << shape.architecture;
}

TEST(ParameterCount, EqualsTheModelsOfEveryFamily) {
  for (const auto& family : families()) {
    auto shape = small_shape(family.name);
    expect_equal_counts(shape);
    shape.tie_word_embeddings = true;
    expect_equal_counts(shape);
  }
}

TEST(ParameterCount, EqualsModelsWithBiases) {
  for (const char* name : {"llama", "qwen3", "deepseek_v3"}) {
    auto shape = small_shape(name);
    shape.attention_bias = true;
    shape.mlp_bias = shape.architecture == "llama";
    expect_equal_counts(shape);
  }
}

TEST(ParameterCount, EqualsDeepseekModelsOfOtherMakeUp) {
  auto shape = small_shape("deepseek_v3");
  shape.latent_attention.q_lora_rank = 0;
  shape.experts.num_shared_experts = 0;
  expect_equal_counts(shape);
  shape.experts.num_dense_layers = 7;  // all of them
  expect_equal_counts(shape);
  shape.experts.num_dense_layers = 0;
  expect_equal_counts(shape);
}

}  // namespace
}  // namespace r1::models
