// A frozen model whose weights are elsewhere between uses computes what it did.
#include "models/offloaded_weights.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "models/registry.h"
#include "support/fixtures.h"
#include "support/small_shape.h"

namespace r1::models {
namespace {

TEST(OffloadedWeights, AreThoseOfTheModelInEveryUse) {
  const auto model = make_model(test::small_shape("llama"), at::kFloat, at::kCPU);
  randomize(*model, 3);
  const auto input = test::packed_input({{1, 5, 2, 12}}, {}, at::kFloat);
  const at::NoGradGuard no_grad;
  const auto expected = model->forward(input);
  OffloadedWeights weights(*model);
  const auto* at_rest = model->parameters()[0].value.data_ptr();
  for (int i = 0; i < 2; ++i) {
    {
      const OffloadedWeights::Use use(weights);
      EXPECT_NE(model->parameters()[0].value.data_ptr(), at_rest);
      EXPECT_TRUE(at::equal(model->forward(input), expected));
    }
    EXPECT_EQ(model->parameters()[0].value.data_ptr(), at_rest);
  }
  for (auto& parameter : model->parameters()) parameter.value.mul_(2.0);  // weights taken over
  const auto changed = model->forward(input);
  EXPECT_FALSE(at::equal(changed, expected));
  const OffloadedWeights::Use use(weights);
  EXPECT_TRUE(at::equal(model->forward(input), changed));
}

}  // namespace
}  // namespace r1::models
