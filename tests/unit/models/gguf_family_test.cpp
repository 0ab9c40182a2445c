// GGUF files of every family against transformers with the same weights: names, permuted rows,
// stacked experts, split latent projections, rotary scalings. tests/data/models/gguf/make.py writes
// the files, with the names of llama.cpp's own table.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fstream>

#include "base/errors.h"
#include "base/files.h"
#include "models/gguf_export.h"
#include "models/gguf_source.h"
#include "models/registry.h"
#include "models/weights.h"
#include "support/fixtures.h"
#include "support/temporary_folder.h"

namespace r1::models {
namespace {

constexpr double kGgufLogits = 1e-4;

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
  EXPECT_LT(test::max_difference(at::linear(hidden, model->head().weight), expected), kGgufLogits);
}

TEST_P(GgufFamilyFile, IsWrittenAsItIsRead) {
  const auto read = [](const std::string& path) {
    const auto files = open_model(path);
    auto model = make_model(files.shape, at::kFloat, at::kCPU);
    load_weights(*model, *files.weights);
    return model;
  };
  const test::TemporaryFolder folder;
  const auto first = read(file());
  write_gguf_model(*first, nullptr, checkpoint::GgmlType::F32, folder.path("again.gguf"));
  const auto second = read(folder.path("again.gguf"));
  ASSERT_EQ(first->parameters().size(), second->parameters().size());
  for (std::size_t i = 0; i < first->parameters().size(); ++i)
    EXPECT_TRUE(at::equal(first->parameters()[i].value, second->parameters()[i].value))
        << first->parameters()[i].slices[0].name;
  const auto ids = test::read_json(test::data_path("models/gguf/inputs.json"))
                       .at("ids")
                       .get<std::vector<std::int64_t>>();
  const at::NoGradGuard no_grad;
  const auto input = test::packed_input({ids}, {}, at::kFloat);
  EXPECT_EQ(test::max_difference(first->forward(input), second->forward(input)), 0.0);
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

TEST(GgufFamily, ARopeFactorWithoutATypeScalesLinearly) {
  const auto typed = read_shape(test::data_path("models/gguf/qwen3.gguf"));
  ASSERT_EQ(typed.rope_scaling.type, "linear");
  const auto renamed = [](std::vector<std::pair<std::string, std::string>> keys) {
    auto bytes = base::read_file(test::data_path("models/gguf/qwen3.gguf"));
    for (const auto& [from, to] : keys) bytes.replace(bytes.find(from), from.size(), to);
    const test::TemporaryFolder folder;
    std::ofstream(folder.path("m.gguf"), std::ios::binary) << bytes;
    return read_shape(folder.path("m.gguf")).rope_scaling;
  };
  const std::pair<std::string, std::string> no_type{"qwen3.rope.scaling.type",
                                                    "qwen3.rope.scaling.tqpe"};
  const std::pair<std::string, std::string> no_factor{"qwen3.rope.scaling.factor",
                                                      "qwen3.rope.scaling.fbctor"};
  const auto untyped = renamed({no_type});
  EXPECT_EQ(untyped.type, "linear");
  EXPECT_EQ(untyped.factor, typed.rope_scaling.factor);
  EXPECT_EQ(renamed({no_type, no_factor}).type, "none");
  EXPECT_EQ(renamed({no_factor}).factor, 1.0);
  // The old key, two bytes shorter; the other key gives them back.
  const auto sized = [](const std::string& key) {
    const std::uint64_t size = key.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + key;
  };
  const auto old =
      renamed({{sized("qwen3.rope.scaling.type"), sized("qwen3.rope.scaling.typexx")},
               {sized("qwen3.rope.scaling.factor"), sized("qwen3.rope.scale_linear")}});
  EXPECT_EQ(old.type, "linear");
  EXPECT_EQ(old.factor, typed.rope_scaling.factor);
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
