// The counts that plan works with are those of the models themselves.
#include <gtest/gtest.h>

#include "models/model_size.h"
#include "models/registry.h"
#include "support/small_shape.h"

namespace r1::models {
namespace {

void expect_equal_counts(const ModelShape& shape) {
  const auto model = make_model(shape, at::kFloat, at::kCPU);
  EXPECT_EQ(static_cast<double>(model->num_parameters()), models::count_parameters(shape).total())
      << shape.architecture;
}

TEST(ParameterCount, EqualsTheModelsOfEveryFamily) {
  for (const auto& family : families()) {
    auto shape = test::small_shape(family.name);
    for (const bool tied : {false, true}) {
      shape.tie_word_embeddings = tied;
      expect_equal_counts(shape);
    }
  }
}

TEST(ParameterCount, EqualsModelsWithBiases) {
  for (const char* name : {"llama", "qwen3", "deepseek_v3"}) {
    auto shape = test::small_shape(name);
    shape.attention_bias = true;
    shape.mlp_bias = shape.architecture == "llama";
    expect_equal_counts(shape);
  }
}

TEST(ParameterCount, EqualsDeepseekModelsOfOtherMakeUp) {
  auto shape = test::small_shape("deepseek_v3");
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
