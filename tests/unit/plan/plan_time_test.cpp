// The time model against figures that can be worked out by hand, on a machine without losses.
#include <fmt/format.h>
#include <unistd.h>

#include <fstream>

#include "models/model_size.h"
#include "plan/plan.h"
#include "unit/config/config_support.h"

namespace r1::plan {
namespace {

using config::load_config_text;

constexpr double kRounding = 1e-9;

/// 800 TFLOP/s and 4.3 TB/s (an H200's measured rates), links of 100 and 10 GB/s, nothing lost.
std::string ideal_machine(double train_layer_us = 0.0, double host_update_gb_per_second = 100.0) {
  const std::string path =
      testing::TempDir() +
      fmt::format("ideal-{}-{}-{}.toml", ::getpid(), train_layer_us, host_update_gb_per_second);
  std::ofstream(path) << "train_layer_us = " << fmt::format("{:.1f}", train_layer_us)
                      << "\nhost_update_gb_per_second = "
                      << fmt::format("{:.1f}", host_update_gb_per_second) << R"(
memory_gb = 1e6
host_memory_gb = 1e6
matmul_tflops = 800.0
matmul_tflops_fp32 = 50.0
memory_tb_per_second = 4.3
train_efficiency = 1.0
generate_efficiency = 1.0
link_gb_per_second = 100.0
network_gb_per_second = 10.0
communication_efficiency = 1.0
host_link_gb_per_second = 50.0
start_seconds = 3.0
node_files_gb_per_second = 8.0
all_files_gb_per_second = 40.0
)";
  return path;
}

Config stage(const std::string& model, const std::vector<std::string>& sets) {
  std::vector<std::string> all{"run.device=cuda", "plan.machine=" + ideal_machine(),
                               "model.path=" + model};
  all.insert(all.end(), sets.begin(), sets.end());
  return load_config_text(
             "[model]\ninclude = \"" R1_SOURCE_DIR "/configs/models/" + model + ".toml\"\n",
             "test.toml", {"plan", "", all})
      .config;
}

models::ModelShape shape_of(const std::string& name) {
  return stage(name, {}).model.shape;
}

TEST(PlanTime, ADecodeStepReadsTheWeightsOnce) {
  const Config config =
      stage("qwen2.5-1.5b", {"generate.prompts_per_chunk=1", "sampling.max_new_tokens=1000",
                             "plan.mean_prompt_tokens=1"});
  const StepTime time = make_plan(config, Stage::Generate, 1).time;
  constexpr double kFloor = 0.72e-3;  // performance.md
  constexpr double kCacheAndPrompt = 0.03;
  EXPECT_NEAR(time.generate / 1000.0 / kFloor, 1.0, kCacheAndPrompt);
}

TEST(PlanTime, AnUpdateIsThreePassesAndWhatIsRecomputed) {
  const auto update = [](const std::string& recomputed) {
    return make_plan(stage("qwen2.5-1.5b", {"sft.batch=64", "plan.mean_prompt_tokens=1000",
                                            "plan.mean_completion_tokens=1000",
                                            "trainer.activation_checkpointing=" + recomputed}),
                     Stage::Sft, 1)
        .time.update;
  };
  const auto shape = shape_of("qwen2.5-1.5b");
  const double per_token = forward_flops_per_token(shape, 1000.0);
  const double forward = 64 * 2000 * per_token / 800e12;
  EXPECT_NEAR(update("none") / forward, 3.0, kRounding);
  EXPECT_NEAR(update("full") / forward, 4.0, kRounding);
  const double feed_forward = 2.0 * 28 * 3 * 1536 * 8960;  // gate, up and down of 28 layers
  EXPECT_NEAR(update("selective") / forward, 3.0 + feed_forward / per_token, kRounding);
}

TEST(PlanTime, AMicroBatchTakesAtLeastTheTimeInWhichTheHostIssuesItsLayers) {
  const auto update = [](double layer_us, int micro_batch) {
    return make_plan(
               stage("smollm2-135m",
                     {"sft.batch=8", "plan.mean_prompt_tokens=1000",
                      "plan.mean_completion_tokens=1000", "trainer.activation_checkpointing=none",
                      "plan.machine=" + ideal_machine(layer_us),
                      fmt::format("trainer.micro_batch_tokens={}", micro_batch)}),
               Stage::Sft, 1)
        .time.update;
  };
  EXPECT_NEAR(update(2000.0, 4000), 4 * 30 * 2e-3, kRounding);  // 4 micro-batches of 30 layers
  EXPECT_NEAR(update(2000.0, 3999), 5 * 30 * 2e-3, kRounding);
  EXPECT_EQ(update(1.0, 4000), update(0.0, 4000));  // the device is slower
}

TEST(PlanTime, AnUpdateInHostMemoryTakesTheSlowerOfWorkAndJourney) {
  const auto optimizer = [](double update_rate) {
    return make_plan(stage("qwen2.5-1.5b", {"plan.machine=" + ideal_machine(0.0, update_rate),
                                            "sft.batch=64", "trainer.offload=optimizer"}),
                     Stage::Sft, 1)
        .time.optimizer;
  };
  const double parameters = count_parameters(shape_of("qwen2.5-1.5b")).total();
  // Master weight and two moments, read and written; the gradient read, the bf16 weight written.
  EXPECT_NEAR(optimizer(100.0) / (parameters * (6 * 4 + 4 + 2) / 100e9), 1.0, kRounding);
  // The fp32 gradient and the bf16 weight over a link of 50 GB/s.
  EXPECT_NEAR(optimizer(1000.0) / (parameters * (4 + 2) / 50e9), 1.0, kRounding);
}

TEST(PlanTime, GradientsGoOnceAroundTheRing) {
  const Config inside = stage("qwen2.5-1.5b", {"trainer.gradient_dtype=bf16"});
  const double bytes = 2.0 * count_parameters(inside.model.shape).total();
  EXPECT_NEAR(make_plan(inside, Stage::Sft, 2).time.reduce, bytes / 100e9,
              bytes / 100e9 * kRounding);
  // Over nodes the network is the ring's slowest link.
  const double many = 2.0 * 15.0 / 16.0 * bytes / 10e9;
  EXPECT_NEAR(make_plan(inside, Stage::Sft, 16).time.reduce, many, many * kRounding);
}

TEST(PlanTime, TensorParallelismHasTwoSumsALayerAndPass) {
  const Config config =
      stage("qwen2.5-1.5b", {"roles.policy.train.tp=2", "sft.batch=4",
                             "plan.mean_prompt_tokens=1000", "plan.mean_completion_tokens=1000"});
  const StepTime time = make_plan(config, Stage::Sft, 2).time;
  const auto shape = config.model.shape;
  const double bytes = 4.0 * 2000 * static_cast<double>(shape.hidden_size) * 2.0;
  const double sums = 2.0 * static_cast<double>(shape.num_hidden_layers) * bytes / 100e9;
  EXPECT_NEAR(time.communication / sums, 2.0, kRounding);  // forward and backward
  EXPECT_EQ(time.reduce, 0.0);
}

TEST(PlanTime, StartAndCheckpointsFollowFromBytesAndFileSystem) {
  const double parameters = count_parameters(stage("qwen2.5-1.5b", {}).model.shape).total();
  for (const std::int64_t ranks : {1, 8, 64}) {
    const auto time =
        make_plan(stage("qwen2.5-1.5b", {"plan.gpus_per_node=8"}), Stage::Sft, ranks).outside;
    const auto n = static_cast<double>(ranks);
    EXPECT_NEAR(time.program, 3.0, 1e-9);
    EXPECT_NEAR(time.loaded_bytes / (2.0 * parameters * n), 1.0, kRounding);
    // A node's link limits up to five nodes, then the file system.
    EXPECT_NEAR(time.load, 2.0 * parameters * (ranks == 64 ? 64.0 / 40e9 : n / 8e9), 1e-6);
    EXPECT_NEAR(time.saved_bytes / (12.0 * parameters), 1.0, kRounding);
    EXPECT_NEAR(time.save, 12.0 * parameters / (ranks == 64 ? 40e9 : 8e9), 1e-6);
    EXPECT_NEAR(time.stall, 12.0 * parameters / n / 50e9, 1e-6);
  }
}

TEST(PlanTime, ATokensRowGoesOnceToEachRankOfItsExperts) {
  const Config config =
      stage("deepseek-v3", {"roles.policy.train.ep=8", "sft.batch=8",
                            "plan.mean_prompt_tokens=1000", "plan.mean_completion_tokens=1000"});
  const StepTime time = make_plan(config, Stage::Sft, 8).time;
  // 8 of 256 experts, within 4 of 8 groups: 4 of 8 ranks, each with a part of the 8 choices.
  const double ranks_met = 4.0 * (1.0 - std::pow(0.75, 8.0));
  const double bytes = 2000.0 * 7168 * 2 * ranks_met * 7.0 / 8.0;
  const double way = 58.0 * bytes / 100e9;
  EXPECT_NEAR(time.communication / (2.0 * way), 2.0, kRounding);  // there and back, twice forward
}

TEST(PlanTime, ATokensRowGoesOnceToEachNodeOfItsExperts) {
  const Config config =
      stage("deepseek-v3", {"roles.policy.train.ep=16", "sft.batch=16", "plan.gpus_per_node=8",
                            "plan.mean_prompt_tokens=1000", "plan.mean_completion_tokens=1000"});
  const StepTime time = make_plan(config, Stage::Sft, 16).time;
  // 4 of 8 groups: of 16 ranks 8; both of 2 nodes, since 4 groups are one node's.
  const double ranks_met = 8.0 * (1.0 - std::pow(1.0 - 1.0 / 8.0, 8.0)), nodes_met = 1.0;
  const double row = 2000.0 * 7168 * 2;
  const double way = 58.0 * row * (nodes_met * 0.5 / 10e9 + ranks_met * 7.0 / 8.0 / 100e9);
  EXPECT_NEAR(time.communication / (2.0 * way), 2.0, kRounding);
}

TEST(PlanTime, LayersAreGatheredTwiceForAMicroBatch) {
  const auto time_of = [](const std::string& tokens) {
    return make_plan(stage("qwen2.5-1.5b",
                           {"trainer.zero_stage=3", "sft.batch=32",
                            "trainer.micro_batch_tokens=" + tokens, "plan.mean_prompt_tokens=1",
                            "plan.mean_completion_tokens=1"}),
                     Stage::Sft, 2)
        .time;
  };
  const double weights = 2.0 * count_parameters(stage("qwen2.5-1.5b", {}).model.shape).total();
  // 32 tokens of a replica: almost nothing is hidden.
  const double once = weights / 2.0 / 100e9;
  EXPECT_NEAR(time_of("1000").gather / once, 2.0, 0.1);
  EXPECT_NEAR(time_of("8").gather / once, 8.0, 0.1);
}

TEST(PlanTime, AScorerOfItsOwnHidesBehindSampling) {
  const std::vector<std::string> sets{
      "advantage.kind=grpo", "rl.samples_per_prompt=8", "rl.mini_batch=0", "rl.update_epochs=1",
      "rl.chunks=8",         "kl.place=loss",           "kl.estimator=k3", "roles.reward.ranks=1"};
  auto shared = sets;
  auto own = sets;
  own.emplace_back("roles.reference.ranks=1");
  const StepTime apart = make_plan(stage("qwen2.5-1.5b", own), Stage::Rl, 4).time;
  const StepTime together = make_plan(stage("qwen2.5-1.5b", shared), Stage::Rl, 4).time;
  EXPECT_GT(apart.score, 0.0);
  EXPECT_LT(apart.score, together.score);
}

TEST(PlanTime, RecordsAndEpochsMakeTheSteps) {
  const Config config =
      stage("qwen2.5-1.5b", {"plan.records=1000", "sft.epochs=3", "sft.batch=64"});
  EXPECT_EQ(make_plan(config, Stage::Sft, 1).time.steps, 3.0 * 16.0);
}

}  // namespace
}  // namespace r1::plan
