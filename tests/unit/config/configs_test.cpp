// Every shipped configuration passes all three passes as its command, and its resolved form reads
// back.
#include <filesystem>

#include "config/print.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

/// The command that a shipped file is for, by its name; "": a part of others.
std::string command_of(const std::string& name) {
  const std::vector<std::pair<std::string, std::string>> commands = {
      {"common", ""},
      {"grpo_common", ""},
      {"distill_common", ""},
      {"pipeline", "pipeline"},
      {"quickstart", "pipeline"},
      {"rl_data", "prepare"},
      {"evaluate", "evaluate"},
      {"rl", "rl"},
      {"r1zero", "rl"},
      {"gsm8k", "pipeline"},
      {"guide", "pipeline"},
      {"random", "rl"},
      {"distill_data", "generate"},
      {"other_data", "generate"},
      {"coldstart_rewrite", "generate"}};
  for (const auto& [start, command] : commands)
    if (name.rfind(start, 0) == 0) return command;
  if (name.find("_data") != std::string::npos) return "generate";
  return name.rfind("distill", 0) == 0 ? "distill" : "sft";
}

TEST(Configs, EveryShippedFileIsValid) {
  int num_files = 0;
  for (const char* folder : {"guide", "paper", "tiny"}) {
    const auto path = std::filesystem::path(R1_SOURCE_DIR) / "configs" / folder;
    for (const auto& entry : std::filesystem::directory_iterator(path)) {
      const std::string command = command_of(entry.path().stem().string());
      if (entry.path().extension() != ".toml" || command.empty()) continue;
      ++num_files;
      try {
        const LoadedConfig loaded = load_config({command, entry.path().string(), {}});
        const std::string text = resolved_toml(loaded);
        EXPECT_EQ(resolved_toml(load_text(text, command)), text) << entry.path();
      } catch (const base::ConfigError& error) {
        ADD_FAILURE() << entry.path() << " as " << command << ":\n" << error.what();
      }
    }
  }
  EXPECT_GE(num_files, 25);
}

TEST(Configs, TheGuidesNumbersAreItsOwn) {
  const std::string guide = R1_SOURCE_DIR "/configs/guide/";
  const Config rl1 = load_config({"rl", guide + "rl1.toml", {}}).config;
  EXPECT_EQ(rl1.optimizer.learning_rate, 1e-6);
  EXPECT_EQ(rl1.rl.samples_per_step(), 64);
  EXPECT_EQ(rl1.rl.mini_batch, 8);
  EXPECT_EQ(rl1.rl.update_epochs, 4);
  EXPECT_EQ(rl1.rl.steps, 100000);
  EXPECT_EQ(rl1.sampling.temperature, 0.7);
  EXPECT_EQ(rl1.sampling.top_p, 0.9);
  EXPECT_EQ(rl1.sampling.max_new_tokens, 2048);
  EXPECT_EQ(rl1.kl.coefficient, 0.1);
  EXPECT_EQ(rl1.kl.controller, "fixed");
  EXPECT_EQ(rl1.rl.logprob_temperature, 1.0);
  EXPECT_EQ(rl1.checkpoint.save_hf_every, 1000);
  EXPECT_EQ(rl1.checkpoint.interval_steps, 1000);
  const Config rl2 = load_config({"rl", guide + "rl2.toml", {}}).config;
  EXPECT_EQ(rl2.optimizer.learning_rate, 5e-7);
  EXPECT_EQ(rl2.rl.samples_per_step(), 32);
  EXPECT_EQ(rl2.rl.coldstart_samples(), 3);
  EXPECT_EQ(rl2.kl.coefficient, 0.05);
  EXPECT_EQ(rl2.rl.max_kl, 0.1);
  EXPECT_EQ(rl2.rewards.parts.size(), 4u);
  EXPECT_TRUE(rl2.rewards.readability.guide_split);
  EXPECT_FALSE(rl2.rewards.quality.operators_between_operands);
  EXPECT_EQ(rl2.rewards.quality.conclusions, (std::vector<std::string>{"따라서", "답:", "결론:"}));
  const Config sft1 = load_config({"sft", guide + "sft1.toml", {}}).config;
  EXPECT_EQ(sft1.optimizer.learning_rate, 2e-5);
  EXPECT_EQ(sft1.optimizer.max_grad_norm, 1.0);
  EXPECT_EQ(sft1.sft.batch, 64);
  const Config distill = load_config({"distill", guide + "distill.toml", {}}).config;
  EXPECT_EQ(distill.distillation_loss.temperature, 3.0);
  EXPECT_EQ(distill.optimizer.weight_decay, 0.01);
}

TEST(Configs, ThePapersNumbersAreItsOwn) {
  const std::string paper = R1_SOURCE_DIR "/configs/paper/";
  const Config zero = load_config({"rl", paper + "r1zero.toml", {}}).config;
  EXPECT_EQ(zero.rl.samples_per_step() / zero.rl.mini_batch, 16);
  EXPECT_EQ(zero.optimizer.learning_rate, 3e-6);
  EXPECT_EQ(zero.kl.coefficient, 0.001);
  EXPECT_EQ(zero.policy_loss.clip_high, 0.2);
  EXPECT_EQ(zero.settings_at(512).max_new_tokens, 65536);
  const Config rl1 = load_config({"rl", paper + "rl1.toml", {}}).config;
  EXPECT_EQ(rl1.policy_loss.clip_high, 10.0);
  EXPECT_EQ(rl1.settings_at(649).max_new_tokens, 32768);
  const Config rl2 = load_config({"rl", paper + "rl2.toml", {}}).config;
  EXPECT_EQ(rl2.sampling.temperature, 0.7);
  EXPECT_EQ(rl2.settings_at(80).parts.size(), 3u);
  EXPECT_EQ(rl2.settings_at(81).parts.size(), 5u);
  EXPECT_EQ(zero.rl.reference_update_every * 16, 400);
  const std::vector<std::pair<std::string, double>> rates = {
      {"qwen_1.5b", 1e-4}, {"qwen_7b", 8e-5},  {"qwen_14b", 7e-5},
      {"qwen_32b", 6e-5},  {"llama_8b", 5e-5}, {"llama_70b", 2e-5}};
  for (const auto& [name, rate] : rates) {
    const Config student = load_config({"distill", paper + "distill_" + name + ".toml", {}}).config;
    EXPECT_EQ(student.optimizer.learning_rate, rate) << name;
    EXPECT_EQ(student.distill.batch, 64) << name;
  }
}

}  // namespace
}  // namespace r1::config
