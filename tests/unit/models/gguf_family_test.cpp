// GGUF files of every family against transformers with the same weights: names, permuted rows,
// stacked experts, split latent projections, rotary scalings. tests/data/models/gguf/make.py writes
// the files, with the names of llama.cpp's own table.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "models/gguf_source.h"
#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

constexpr double kLogits = 1e-4;

class GgufFamilyFile : public ::testing::TestWithParam<const char*> {
 protected:
  std::string file() const {
    return test::data_path(std::string("models/gguf/") + GetParam() + ".gguf");
  }
};

TEST_P(GgufFamilyFile, GivesTheLogitsOfTransformers) {
  const auto files = open_model(file());
  const auto model = make_model(files.shape, at::kFloat, at::kCPU);
  load_weights(*model, *files.weights);
  const auto ids = test::read_json(test::data_path("models/gguf/inputs.json"))
                       .at("ids")
                       .get<std::vector<std::int64_t>>();
  const auto expected = test::read_tensors(test::data_path("models/gguf/expected.safetensors"))
                            .at(std::string(GetParam()) + ".logits");
  const at::NoGradGuard no_grad;
  const auto hidden = model->forward(test::packed_input({ids}, {}, at::kFloat));
  EXPECT_LT(test::max_difference(at::linear(hidden, model->head().weight), expected), kLogits);
}

INSTANTIATE_TEST_SUITE_P(Families, GgufFamilyFile,
                         ::testing::Values("llama", "qwen2", "qwen3", "deepseek2",
                                           "deepseek2_whole"));

TEST(GgufFamily, ReadsTheShapeOfTheFile) {
  const auto llama = read_shape(test::data_path("models/gguf/llama.gguf"));
  EXPECT_EQ(llama.architecture, "llama");
  EXPECT_EQ(llama.rope_scaling.type, "llama3");
  EXPECT_DOUBLE_EQ(llama.rope_scaling.factor, 8.0);
  EXPECT_TRUE(llama.attention_bias);
  EXPECT_TRUE(read_shape(test::data_path("models/gguf/qwen2.gguf")).tie_word_embeddings);
  const auto deepseek = read_shape(test::data_path("models/gguf/deepseek2.gguf"));
  EXPECT_EQ(deepseek.architecture, "deepseek_v3");
  EXPECT_EQ(deepseek.rope_scaling.type, "yarn");
  EXPECT_DOUBLE_EQ(deepseek.rope_scaling.mscale_all_dim, 1.0);
  EXPECT_EQ(deepseek.latent_attention.qk_nope_head_dim, 8);
  EXPECT_EQ(deepseek.experts.num_groups_per_token, 2);
}

TEST(GgufFamily, NamesATensorThatNoModelOfTheFamilyHas) {
  const auto path = test::data_path("models/gguf/deepseek2.gguf");
  auto shape = read_shape(path);
  shape.architecture = "llama";  // which has no attn_q_a
  try {
    open_gguf_weights(path, shape);
    FAIL() << "no error";
  } catch (const base::InputError& error) {
    EXPECT_NE(std::string(error.what()).find("belongs to no llama model"), std::string::npos)
        << error.what();
  }
}

}  // namespace
}  // namespace r1::models
