// Defaults follow the algorithm, and on GPUs the roles share ranks; what a file says wins.
#include <gtest/gtest.h>

#include "config/algorithm_defaults.h"
#include "config/stage_roles.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

TEST(AlgorithmDefaults, GrpoIsCompleteByItsNameAlone) {
  const std::string grpo = "[advantage]\nkind = \"grpo\"\n";
  const Config config = load_text(grpo + kTinyModel, "rl").config;
  EXPECT_EQ(config.rl.samples_per_prompt, 16);
  EXPECT_EQ(config.rl.update_epochs, 1);
  EXPECT_EQ(config.rl.mini_batch_samples(), 512);
  EXPECT_EQ(config.kl.place, "loss");
  EXPECT_EQ(config.kl.estimator, "k3");
  EXPECT_EQ(config.kl.coefficient, 0.001);
  EXPECT_EQ(config.policy_loss.entropy_coef, 0.0);
  EXPECT_EQ(config.policy_loss.aggregation, "sequence_mean");
}

TEST(AlgorithmDefaults, ReinforcePlusPlusHasItsOwn) {
  const Config config =
      load_text(std::string("[advantage]\nkind = \"reinforce_plus_plus\"\n") + kTinyModel, "rl")
          .config;
  EXPECT_EQ(config.rl.samples_per_step(), 512);
  EXPECT_EQ(config.rl.samples_per_prompt, 1);
  EXPECT_EQ(config.rl.update_epochs, 1);
  EXPECT_EQ(config.kl.place, "reward");
  EXPECT_EQ(config.kl.estimator, "k1");
  EXPECT_EQ(config.kl.coefficient, 0.01);
  EXPECT_EQ(config.policy_loss.aggregation, "token_mean");
  EXPECT_EQ(config.policy_loss.entropy_coef, 0.0);
}

TEST(AlgorithmDefaults, PpoKeepsTheGuides) {
  const Config config = load_text(kTinyModel, "rl").config;
  EXPECT_EQ(config.kl.coefficient, 0.1);
  EXPECT_EQ(config.rl.update_epochs, 4);
  EXPECT_EQ(config.policy_loss.entropy_coef, 0.01);
}

TEST(AlgorithmDefaults, TheFileAndSetWin) {
  const Config config = load_text(std::string("[kl]\ncoefficient = 0.04\n") + kTinyModel, "rl",
                                  {"advantage.kind=rloo", "rl.samples_per_prompt=4"})
                            .config;
  EXPECT_EQ(config.kl.coefficient, 0.04);
  EXPECT_EQ(config.kl.place, "loss");
  EXPECT_EQ(config.rl.samples_per_prompt, 4);
}

std::string layout_of(const std::string& text, int ranks) {
  const Config config =
      load_text(std::string("[advantage]\nkind = \"grpo\"\n") + text + kTinyModel, "rl").config;
  const auto roles = stage_roles(config, Stage::Rl);
  return parallel::RoleLayout(role_requests(config, Stage::Rl, roles), ranks).print();
}

TEST(RolesByDefault, OnGpusTheyShareThePolicysRanks) {
  const std::string gpu = "[run]\ndevice = \"cuda\"\n";
  EXPECT_EQ(layout_of(gpu, 4),
            "rank 0..3 policy (dp 4), 0..3 reward (dp 4), 0..3 reference (dp 4)");
  EXPECT_EQ(layout_of(gpu + "[roles.policy.train]\ntp = 2\n", 4),
            "rank 0..3 policy (dp 2 x tp 2), 0..3 reward (dp 4), 0..3 reference (dp 2 x tp 2)");
  EXPECT_EQ(layout_of(gpu + "[roles.reward]\nranks = 1\n", 4),
            "rank 0..2 policy (dp 3), 3 reward (dp 1), 0..2 reference (dp 3)");
}

TEST(RolesByDefault, OnTheCpuEachHasARankWhereThereAreEnough) {
  const std::string cpu = "[run]\ndevice = \"cpu\"\n";
  EXPECT_EQ(layout_of(cpu, 4), "rank 0..1 policy (dp 2), 2 reward (dp 1), 3 reference (dp 1)");
  EXPECT_EQ(layout_of(cpu, 2),
            "rank 0..1 policy (dp 2), 0..1 reward (dp 2), 0..1 reference (dp 2)");
}

TEST(StrictKeys, KeysOfOtherProgramsAreFound) {
  expect_contains(error_of("[optimizer]\nlr = 1e-6\n"), "did you mean \"learning_rate\"?");
  expect_contains(error_of("[rl]\nnum_generations = 8\n"), "did you mean \"samples_per_prompt\"?");
  expect_contains(error_of("[model.lora]\nrank = 8\n"), "did you mean \"r\"?");
}

TEST(StrictKeys, AMissingFileIsOneProblem) {
  try {
    load_config({"rl", "/nowhere/run.toml", {}});
    FAIL() << "was loaded";
  } catch (const base::ConfigError& error) {
    const std::string what = error.what();
    expect_contains(what, "/nowhere/run.toml");
    EXPECT_EQ(what.find('\n'), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace r1::config
