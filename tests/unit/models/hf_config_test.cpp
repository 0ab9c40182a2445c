// config.json: what is refused, what missing keys mean, and that a written one reads back as it
// was.
#include "models/hf_config.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "support/fixtures.h"

namespace r1::models {
namespace {

nlohmann::json config_of(const std::string& fixture) {
  return test::read_json(test::data_path("models/" + fixture + "/config.json"));
}

/// The error's text has the file, the key and every word.
void expect_refused(const nlohmann::json& config, const std::vector<std::string>& words) {
  try {
    shape_from_config(config, "folder/config.json");
    FAIL() << "accepted " << config.dump();
  } catch (const base::InputError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("folder/config.json"), std::string::npos) << text;
    for (const auto& word : words) EXPECT_NE(text.find(word), std::string::npos) << text;
  }
}

TEST(HfConfig, RefusesWhatThisProgramDoesNotCompute) {
  struct Case {
    const char* fixture;
    const char* key;
    nlohmann::json value;
    const char* word;
  };
  const std::vector<Case> cases{
      {"qwen2", "use_sliding_window", true, "use_sliding_window"},
      {"qwen3", "use_sliding_window", true, "use_sliding_window"},
      {"qwen3", "layer_types", {"full_attention", "sliding_attention"}, "sliding_attention"},
      {"qwen2", "hidden_act", "gelu", "gelu"},
      {"qwen2", "model_type", "mamba", "mamba"},
      {"llama", "hidden_size", "wide", "hidden_size"},
      {"llama", "hidden_size", 1.5, "expected an integer, found 1.5"},
      {"llama", "hidden_size", 2.2e62, "expected an integer, found 2.2e+62"},
      {"llama", "hidden_size", std::uint64_t{1} << 63, "expected an integer"},
      {"llama", "partial_rotary_factor", 0.5, "partial_rotary_factor"},
      {"llama", "rope_parameters", {{"rope_type", "longrope"}}, "longrope"},
      {"llama", "num_key_value_heads", 4, "num_key_value_heads"},
      {"deepseek_v3", "scoring_func", "softmax", "softmax"},
      {"deepseek_v3", "topk_method", "greedy", "greedy"},
      {"deepseek_v3", "n_group", 3, "num_groups"},
      {"deepseek_v3", "num_experts_per_tok", 5, "num_experts_per_token"},
  };
  for (const auto& c : cases) {
    auto config = config_of(c.fixture);
    config[c.key] = c.value;
    expect_refused(config, {c.word});
  }
  auto config = config_of("qwen3");
  config.erase("hidden_size");
  expect_refused(config, {"'hidden_size' is missing"});
}

TEST(HfConfig, MissingKeysMeanWhatTransformersTakes) {
  auto config = config_of("qwen3");
  config.erase("head_dim");
  EXPECT_EQ(shape_from_config(config, "f").head_width(), 128);
  config["head_dim"] = nullptr;
  EXPECT_EQ(shape_from_config(config, "f").head_width(), 16);
  config.erase("num_key_value_heads");
  EXPECT_EQ(shape_from_config(config, "f").kv_heads(), 4);
  auto deepseek = config_of("deepseek_v3");
  for (const char* key : {"rope_parameters", "q_lora_rank", "n_shared_experts"})
    deepseek.erase(key);
  const auto shape = shape_from_config(deepseek, "f");
  EXPECT_EQ(shape.rope_scaling.type, "none");
  EXPECT_EQ(shape.latent_attention.q_lora_rank, 1536);
  EXPECT_EQ(shape.experts.num_shared_experts, 1);
  deepseek["n_shared_experts"] = nullptr;
  deepseek["q_lora_rank"] = nullptr;
  EXPECT_EQ(shape_from_config(deepseek, "f").experts.num_shared_experts, 0);
  EXPECT_EQ(shape_from_config(deepseek, "f").latent_attention.q_lora_rank, 0);
}

TEST(HfConfig, YarnWithoutAFactorStretchesToTheContext) {
  auto config = config_of("deepseek_v3");
  config["rope_parameters"].erase("factor");
  EXPECT_EQ(shape_from_config(config, "f").rope_scaling.factor, 4.0);  // 1024 / 256
}

class HfConfigRoundTrip : public ::testing::TestWithParam<const char*> {};

TEST_P(HfConfigRoundTrip, AWrittenConfigReadsBackAsItWas) {
  const auto shape = shape_from_config(config_of(GetParam()), "f");
  const auto written = config_from_shape(shape, {2, 7}, "float32");
  EXPECT_EQ(config_from_shape(shape_from_config(written, "f"), {2, 7}, "float32"), written);
  EXPECT_EQ(written["architectures"], config_of(GetParam())["architectures"]);
  EXPECT_EQ(written["eos_token_id"], nlohmann::json({2, 7}));
}

INSTANTIATE_TEST_SUITE_P(Fixtures, HfConfigRoundTrip,
                         ::testing::Values("llama", "llama31", "qwen2", "qwen3", "deepseek_v3",
                                           "deepseek_v3_noqlora"));

}  // namespace
}  // namespace r1::models
