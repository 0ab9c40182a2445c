// Router replay: the trainer takes the experts that the sampler took, in every layout of a pass,
// and counts where it would have taken others.
#include <ATen/ATen.h>

#include "models/expert_decisions.h"
#include "support/temporary_folder.h"
#include "support/thread_ranks.h"
#include "training/pass.h"
#include "training/policy_update.h"
#include "training/scoring.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr double kReplayRounding = 1e-10;
constexpr std::int64_t kReplayGroups = 4, kReplayPerGroup = 2;

/// Samples whose tokens went to experts that no router would have chosen: the first two of the six.
std::vector<data::TrainingSample> samples_of_experts(std::uint8_t first, std::uint8_t second) {
  auto samples = toy_samples(kReplayGroups * kReplayPerGroup);
  for (auto& sample : samples)
    for (std::int64_t t = 0; t < data::packed_length(sample); ++t)
      sample.experts.insert(sample.experts.end(), {first, second});
  return samples;
}

std::vector<std::vector<double>> routed_scores(
    const std::vector<data::TrainingSample>& samples, std::int64_t tokens_per_batch,
    bool share_prefix, parallel::Communicator& context = parallel::alone()) {
  const auto model = toy_model("deepseek_v3", kModelSeed, context);
  return score_samples(*model, samples, {1.0, tokens_per_batch, 1024, share_prefix, 0.0}).logprobs;
}

double score_distance(const std::vector<std::vector<double>>& a,
                      const std::vector<std::vector<double>>& b) {
  double largest = 0.0;
  for (std::size_t i = 0; i < a.size(); ++i)
    for (std::size_t t = 0; t < a[i].size(); ++t)
      largest = std::max(largest, std::abs(a[i][t] - b[i].at(t)));
  return largest;
}

TEST(RouterReplay, ScoresFollowTheRecordedExpertsInEveryLayout) {
  auto own = samples_of_experts(0, 1);
  for (auto& sample : own) sample.experts.clear();
  const auto samples = samples_of_experts(0, 1);
  const auto expected = routed_scores(samples, 1000, false);
  EXPECT_GT(score_distance(expected, routed_scores(own, 1000, false)), 1e-6);
  EXPECT_GT(score_distance(expected, routed_scores(samples_of_experts(2, 3), 1000, false)), 1e-6);
  EXPECT_LT(score_distance(expected, routed_scores(samples_of_experts(1, 0), 1000, false)),
            kReplayRounding);
  EXPECT_LT(score_distance(expected, routed_scores(samples, 1000, true)), kReplayRounding);
  EXPECT_LT(score_distance(expected, routed_scores(samples, 7, true)), kReplayRounding);
  for (const int size : {2, 3})
    test::ThreadRanks::run(size, [&](parallel::Communicator& context) {
      EXPECT_LT(score_distance(expected, routed_scores(samples, 1000, true, context)),
                kReplayRounding);
    });
}

/// The model's own choices, replayed, are no change.
TEST(RouterReplay, OwnDecisionsAreTheOwnScores) {
  auto samples = toy_samples(6);
  const auto expected = routed_scores(samples, 1000, false);
  const auto model = toy_model("deepseek_v3");
  for (auto& sample : samples) {
    std::vector<std::int64_t> tokens(sample.prompt_ids.begin(), sample.prompt_ids.end());
    tokens.insert(tokens.end(), sample.completion_ids.begin(), sample.completion_ids.end() - 1);
    const at::NoGradGuard no_grad;
    auto input = test::packed_input({tokens}, {}, at::kDouble);
    input.experts.recorded = at::zeros(
        {data::packed_length(sample), models::decisions_per_token(model->shape())}, at::kShort);
    model->forward(input);
    sample.experts = models::decisions_to_bytes(input.experts.recorded, model->shape());
  }
  EXPECT_LT(score_distance(expected, routed_scores(samples, 1000, true)), kReplayRounding);
}

struct Flips {
  double flips = 0.0, drift = 0.0, gradient_norm = 0.0;
};

/// One update from rollouts of the given samples.
Flips routed_update(parallel::Communicator& replicas,
                    const std::vector<data::TrainingSample>& samples,
                    const std::string& router_replay, models::Recompute recompute,
                    std::int64_t micro_batch_tokens) {
  config::Config config;
  config.rl.prompts_per_step = kReplayGroups;
  config.rl.samples_per_prompt = kReplayPerGroup;
  config.rl.mini_batch = 0;
  config.rl.update_epochs = 1;
  config.rl.router_replay = router_replay;
  config.advantage.kind = "grpo";
  config.kl.coefficient = 0.0;
  config.sampling.temperature = 1.0;
  ToyRank rank(replicas, {.architecture = "deepseek_v3", .recompute = recompute});
  config.trainer = rank.trainer_options;
  config.trainer.micro_batch_tokens = micro_batch_tokens;
  std::vector<data::Rollout> rollouts;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const auto group = static_cast<std::int64_t>(i) / kReplayPerGroup;
    if (group % replicas.size() != replicas.rank()) continue;
    auto& rollout = rollouts.emplace_back();
    rollout.sample = static_cast<std::int64_t>(i);
    rollout.group = group;
    rollout.prompt.token_ids = samples[i].prompt_ids;
    rollout.completion.token_ids = samples[i].completion_ids;
    rollout.completion.logprobs.assign(samples[i].completion_ids.size(), -1.0);
    rollout.completion.experts = samples[i].experts;
    rollout.reward.total = i % kReplayPerGroup == 0 ? 1.0 : 0.0;
  }
  algorithms::KlController controller(config.kl);
  const test::TemporaryFolder folder;
  metrics::Timeline timeline({folder.path(), 0, "policy", -1, -1.0, 1, /*enabled=*/false});
  const auto result = update_policy({rank.trained(), nullptr, controller}, rollouts, {},
                                    PolicyUpdateOptions(config), {0, 0, 1, timeline, [] {}});
  return {number(result.metrics, "router_flips"), number(result.metrics, "router_drift"),
          number(result.metrics, "gradient_norm")};
}

TEST(RouterReplay, AnUpdateVisitsTheRecordedExpertsAndCountsTheOthers) {
  const auto samples = samples_of_experts(0, 1);
  const auto expected =
      routed_update(parallel::alone(), samples, "on", models::Recompute::Nothing, 1000);
  EXPECT_EQ(expected.flips, 0.0);
  EXPECT_GT(expected.drift, 0.1);
  const auto counted =
      routed_update(parallel::alone(), samples, "count", models::Recompute::Nothing, 1000);
  EXPECT_EQ(counted.flips, expected.drift);
  EXPECT_EQ(counted.drift, expected.drift);
  EXPECT_GT(std::abs(counted.gradient_norm - expected.gradient_norm), 1e-6);
  for (const int size : {1, 2})
    for (const auto recompute : {models::Recompute::FeedForward, models::Recompute::Layer})
      test::ThreadRanks::run(size, [&](parallel::Communicator& replicas) {
        const auto found = routed_update(replicas, samples, "on", recompute, 9);
        EXPECT_EQ(found.flips, 0.0);
        EXPECT_NEAR(found.drift, expected.drift, kReplayRounding);
        EXPECT_NEAR(found.gradient_norm, expected.gradient_norm, kReplayRounding);
      });
}

}  // namespace
}  // namespace r1::training
