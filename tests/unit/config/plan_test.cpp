// Sizes of published models, and what plan says about memory and time.
#include "config/plan.h"

#include "config/model_size.h"
#include "config/plan_table.h"
#include "unit/config/config_support.h"

namespace r1::config {
namespace {

constexpr double kPublishedRounding = 0.005;  // counts are published with three digits

models::ModelShape shape_of(const std::string& name) {
  return load_config_text(
             "[model]\ninclude = \"" R1_SOURCE_DIR "/configs/models/" + name + ".toml\"\n",
             "test.toml", {"check", "", {}})
      .config.model.shape;
}

TEST(ModelSize, ParametersAreThePublishedOnes) {
  const std::vector<std::pair<std::string, double>> published = {
      {"qwen2.5-0.5b", 0.494e9}, {"qwen2.5-1.5b", 1.54e9}, {"qwen2.5-3b", 3.09e9},
      {"qwen2.5-7b", 7.62e9},    {"qwen2.5-14b", 14.8e9},  {"qwen2.5-32b", 32.8e9},
      {"llama3.1-8b", 8.03e9},   {"llama3.3-70b", 70.6e9}, {"deepseek-v3", 671e9},
      {"smollm2-135m", 134.5e6}, {"smollm2-360m", 362e6},  {"smollm2-1.7b", 1.71e9}};
  for (const auto& [name, count] : published)
    EXPECT_NEAR(count_parameters(shape_of(name)).total() / count, 1.0, kPublishedRounding) << name;
}

TEST(ModelSize, ATokenMeetsAPartOfAnExpertModel) {
  const ParameterCounts counts = count_parameters(shape_of("deepseek-v3"));
  constexpr double kPublishedActive = 37e9;
  constexpr double kTwoDigits = 0.02;
  EXPECT_NEAR(counts.active / kPublishedActive, 1.0, kTwoDigits);
  EXPECT_EQ(count_parameters(shape_of("qwen2.5-7b")).active,
            count_parameters(shape_of("qwen2.5-7b")).total());
}

TEST(ModelSize, TheCacheOfLatentAttentionIsItsCompressedForm) {
  EXPECT_EQ(kv_bytes_per_token(shape_of("deepseek-v3"), 2.0), (512.0 + 64.0) * 61 * 2);
  EXPECT_EQ(kv_bytes_per_token(shape_of("qwen2.5-1.5b"), 2.0), 2.0 * 2 * 128 * 28 * 2);
}

Config planned(const std::string& model, const std::vector<std::string>& sets) {
  std::vector<std::string> all{"run.device=cuda", "plan.gpu=A100-80", "model.path=" + model};
  all.insert(all.end(), sets.begin(), sets.end());
  return load_config_text(
             "[model]\ninclude = \"" R1_SOURCE_DIR "/configs/models/" + model + ".toml\"\n",
             "test.toml", {"plan", "", all})
      .config;
}

double item(const RolePlan& role, const std::string& kind) {
  for (const MemoryItem& memory : role.memory)
    if (memory.kind == kind) return memory.bytes;
  return 0.0;
}

TEST(Plan, TrainingCostsSixteenBytesAParameterWithBf16Gradients) {
  const Plan plan = make_plan(planned("qwen2.5-14b", {"trainer.gradient_dtype=bf16"}), "sft", 1);
  const RolePlan& policy = plan.roles.at(0);
  const double state =
      item(policy, "weights") + item(policy, "gradients") + item(policy, "optimizer");
  EXPECT_DOUBLE_EQ(state / policy.parameters, 16.0);
}

TEST(Plan, RanksThatOnlySampleHoldTheCache) {
  const Config config = planned("qwen2.5-7b", {"roles.generate_ranks=2", "rl.staleness=1"});
  const Plan plan = make_plan(config, "rl", 8);
  const RolePlan &policy = plan.roles.front(), &sampling = plan.roles.back();
  EXPECT_EQ(policy.num_ranks, 4);
  EXPECT_EQ(item(policy, "KV cache"), 0.0);
  EXPECT_EQ(sampling.role, "policy.generate");
  EXPECT_EQ(sampling.first_rank, 6);
  EXPECT_EQ(sampling.num_ranks, 2);
  EXPECT_GT(item(sampling, "KV cache"), 0.0);
  EXPECT_EQ(item(sampling, "optimizer"), 0.0);
  EXPECT_FALSE(make_plan(config, "rl", 1).misfits.empty());
}

TEST(Plan, OptimizerStateIsSpreadOverDataParallelRanks) {
  const Config config = planned("qwen2.5-7b", {});
  const double alone = item(make_plan(config, "sft", 1).roles.at(0), "optimizer");
  EXPECT_DOUBLE_EQ(item(make_plan(config, "sft", 4).roles.at(0), "optimizer") * 4, alone);
}

TEST(Plan, AWorldOfOneSharesItAndALargerOneIsSplit) {
  const Config config = planned("qwen2.5-1.5b", {});
  const Plan one = make_plan(config, "rl", 1);
  ASSERT_EQ(one.roles.size(), 3u);
  double sum = 0.0;
  for (const RolePlan& role : one.roles) {
    EXPECT_EQ(role.first_rank, 0);
    sum += role.bytes();
  }
  EXPECT_DOUBLE_EQ(one.bytes_on_rank(0), sum);
  const Plan eight = make_plan(config, "rl", 8);
  EXPECT_EQ(eight.roles.at(0).num_ranks, 6);
  EXPECT_EQ(eight.roles.at(1).first_rank, 6);
  EXPECT_EQ(eight.roles.at(2).first_rank, 7);
}

TEST(Plan, DeepSeekV3DoesNotFitTheGuidesMachines) {
  const Plan plan = make_plan(planned("deepseek-v3", {}), "generate", 16);
  ASSERT_FALSE(plan.misfits.empty());
  expect_contains(plan.misfits.front(), "the largest part is weights with 1342");
}

TEST(Plan, TheGuidesUpdatesAloneTakeMonths) {
  // pipeline.md: 13.1e9 tokens x 4 epochs on 8 A100 at 40 % of peak are 135 days for V3's 37e9
  // active parameters. Attention and the prompt are left out there.
  const Config config = planned(
      "deepseek-v3",
      {"rl.steps=100000", "rl.prompts_per_step=64", "rl.samples_per_prompt=1", "rl.update_epochs=4",
       "sampling.max_new_tokens=2048", "rl.algorithm=ppo", "plan.mean_prompt_tokens=1",
       "roles.reference.share_with=policy", "roles.reward.share_with=policy"});
  const StepTime time = make_plan(config, "rl", 8).time;
  constexpr double kDays = 135.0;
  constexpr double kAttentionShare = 0.1;
  EXPECT_NEAR(time.update * time.steps / 86400.0 / kDays, 1.0, kAttentionShare);
}

TEST(Plan, DistillationIsPlannedForItsLargestStudent) {
  const Config config =
      load_config({"plan", R1_SOURCE_DIR "/configs/guide/distill.toml", {}}).config;
  const Plan plan = make_plan(config, "distill", 5);
  EXPECT_NEAR(plan.roles.at(0).parameters, 32.8e9, 0.1e9);
  EXPECT_EQ(plan.roles.at(1).role, "teacher");
}

TEST(PlanTable, GpuCountsAreThoseOfTheDesign) {
  PlanOptions options;
  options.gpu = "A100-80";
  const Machine a100 = find_machine(options, "cuda");
  const auto v3 = shape_of("deepseek-v3");
  EXPECT_EQ(gpus_needed(v3, 2.0, a100).minimum, 17);
  EXPECT_EQ(gpus_needed(v3, 2.0, a100).recommended, 32);
  // 134 in the design's rounding of 671e9; the exact count is 671.03e9.
  EXPECT_NEAR(static_cast<double>(gpus_needed(v3, 16.0, a100).minimum), 134.0, 1.0);
  EXPECT_NEAR(static_cast<double>(gpus_needed(v3, 18.0, a100).minimum), 151.0, 1.0);
  EXPECT_EQ(gpus_needed(v3, 16.0, a100).recommended, 256);
  EXPECT_NEAR(gpus_needed(shape_of("qwen2.5-14b"), 16.0, a100).bytes, 237e9, 1e9);
  EXPECT_NEAR(gpus_needed(shape_of("llama3.3-70b"), 16.0, a100).bytes, 1130e9, 2e9);
  const std::string table = plan_table({{"DeepSeek-V3", v3}}, options);
  expect_contains(table, "| distillation data | DeepSeek-V3 | 17 | 32 | 1342 |");
  expect_contains(table, "7-14 days");
}

TEST(Plan, AnUnknownShapeIsSaid) {
  const Config config = load_text("[model]\npath = \"somewhere\"\n").config;
  const Plan plan = make_plan(config, "sft", 1);
  ASSERT_EQ(plan.notes.size(), 1u);
  expect_contains(plan.text(), "note: policy: the shape is not in the configuration");
}

}  // namespace
}  // namespace r1::config
