// Scaled rotary frequencies: values of transformers 5.17 (modeling_rope_utils, in float64).
#include "nn/rope.h"

#include <gtest/gtest.h>

namespace r1::nn {
namespace {

constexpr double kRelative = 1e-6;  // the reference computes in fp32

void expect_close(const std::vector<double>& found, const std::vector<double>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_NEAR(found[i] / expected[i], 1.0, kRelative) << i;
}

TEST(RopeScaling, LinearEqualsTransformers) {
  const RopeConfig config{.type = "linear", .theta = 10000.0, .factor = 4.0};
  expect_close(rope_inverse_frequencies(config, 16),
               {0.25, 0.079056941, 0.0250000004, 0.00790569466, 0.00249999994, 0.000790569466,
                0.000250000012, 7.90569466e-05});
  EXPECT_NEAR(rope_attention_factor(config), 1, kRelative);
}

TEST(RopeScaling, YarnEqualsTransformers) {
  const RopeConfig config{.type = "yarn",
                          .theta = 10000.0,
                          .factor = 4.0,
                          .original_max_position_embeddings = 256,
                          .beta_fast = 8.0,
                          .beta_slow = 1.0,
                          .mscale = 1.0,
                          .mscale_all_dim = 0.707};
  expect_close(rope_inverse_frequencies(config, 16),
               {1, 0.316227764, 0.0749999955, 0.0158113893, 0.00249999994, 0.000790569466,
                0.000250000012, 7.90569466e-05});
  EXPECT_NEAR(rope_attention_factor(config), 1.03699272991, kRelative);
}

TEST(RopeScaling, YarnWithoutMscalesEqualsTransformers) {
  const RopeConfig config{
      .type = "yarn", .theta = 50000.0, .factor = 40.0, .original_max_position_embeddings = 4096};
  expect_close(rope_inverse_frequencies(config, 12),
               {1, 0.164754897, 0.0183223151, 0.00156524754, 1.84201544e-05, 3.03481193e-06});
  EXPECT_NEAR(rope_attention_factor(config), 1.36888794541, kRelative);
}

TEST(RopeScaling, YarnOfFactorOneOrLessHasNoTemperature) {
  EXPECT_EQ(yarn_mscale(1.0, 3.0), 1.0);
  EXPECT_EQ(yarn_mscale(0.5, 3.0), 1.0);
}

TEST(RopeScaling, AGivenAttentionFactorCounts) {
  RopeConfig config{.type = "yarn", .factor = 4.0, .mscale = 1.0, .mscale_all_dim = 0.5};
  config.attention_factor = 1.25;
  EXPECT_EQ(rope_attention_factor(config), 1.25);
  config.type = "default";
  EXPECT_EQ(rope_attention_factor(config), 1.0);
}

}  // namespace
}  // namespace r1::nn
