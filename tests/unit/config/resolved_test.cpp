// resolved.toml holds every key and reads back to the same configuration; JSON holds the same.
#include <nlohmann/json.hpp>

#include "config/option_tree.h"
#include "config/print.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(Resolved, DefaultsReadBackToTheSame) {
  const std::string text = resolved_toml(Config{});
  const auto again = load_text(text);
  EXPECT_EQ(resolved_toml(again), text);
  EXPECT_EQ(flatten(option_tree(again.config)), flatten(option_tree(Config{})));
}

TEST(Resolved, EveryValueIsPrintedWithItsHelp) {
  const std::string text = resolved_toml(Config{});
  expect_contains(text, "\ntemperature = 1.0  # logits are divided by it");
  expect_contains(text, "\n[rl.coldstart]");
}

TEST(Resolved, AwkwardValuesSurvive) {
  Config config;
  config.sampling.temperature = 0.1 + 0.2;
  config.sampling.stop = {"\"quoted\"\\", "line\nbreak\t\x01", "답:"};
  config.run.seed = INT64_MAX;
  config.rl.max_kl = 1e-300;
  const auto again = load_text(resolved_toml(config));
  EXPECT_EQ(again.config.sampling.temperature, config.sampling.temperature);
  EXPECT_EQ(again.config.sampling.stop, config.sampling.stop);
  EXPECT_EQ(again.config.run.seed, config.run.seed);
  EXPECT_EQ(again.config.rl.max_kl, config.rl.max_kl);
}

TEST(Resolved, APipelineReadsBackToTheSameStages) {
  const auto loaded = load_text(std::string(kTinyModel) + R"(
[[evaluate.suites]]
name = "common"
path = "a.jsonl"
[[pipeline.stages]]
name = "one"
command = "rl"
[pipeline.stages.rl]
steps = 1
[[pipeline.stages.rl.changes]]
from_step = 0
max_new_tokens = 9
[[pipeline.stages]]
name = "two"
command = "sft"
from = "one"
[pipeline.stages.evaluate]
suites = []
)",
                                "pipeline");
  const std::string text = resolved_toml(loaded);
  const auto again = load_text(text, "pipeline");
  ASSERT_EQ(again.stages.size(), 2u);
  for (std::size_t i = 0; i < 2; ++i)
    EXPECT_EQ(flatten(option_tree(again.stages[i])), flatten(option_tree([&] {
                Config stage = loaded.stages[i];
                return stage;
              }())));
  EXPECT_EQ(again.stages[0].rl.changes[0].max_new_tokens, 9);
  EXPECT_TRUE(again.stages[1].evaluate.suites.empty());
  EXPECT_EQ(again.config.evaluate.suites.size(), 1u);
  EXPECT_EQ(resolved_toml(again), text);
}

TEST(Resolved, JsonHoldsValuesWithTheirTypes) {
  Config config;
  config.rl.changes.push_back({3, 5, {"format"}, {}});
  config.rewards.parts.push_back({"code", 1.0, "", {{"type", {"code", "algorithm"}}}});
  const nlohmann::json json = config_json(config);
  EXPECT_EQ(json.at("rl").at("steps"), 100000);
  EXPECT_EQ(json.at("sampling").at("temperature"), 1.0);
  EXPECT_EQ(json.at("rl").at("changes").at(0).at("parts").at(0), "format");
  EXPECT_EQ(json.at("rewards").at("parts").at(0).at("when").at("type").at(1), "algorithm");
  EXPECT_EQ(json.at("sampling").at("greedy"), false);
}

}  // namespace
}  // namespace r1::config
