// The update of a policy: the same on every layout, and which samples and mini-batches count.
#include "training/policy_update.h"

#include "support/temporary_folder.h"
#include "support/thread_ranks.h"
#include "training/scoring.h"
#include "unit/training/training_support.h"

namespace r1::training {
namespace {

constexpr std::int64_t kGroups = 6, kPerGroup = 2;

config::Config grpo() {
  config::Config config;
  config.rl.prompts_per_step = kGroups;
  config.rl.samples_per_prompt = kPerGroup;
  config.rl.mini_batch = 0;
  config.rl.update_epochs = 1;
  config.advantage.kind = "grpo";
  config.kl.coefficient = 0.0;
  config.policy_loss.entropy_coef = 0.0;
  config.sampling.temperature = 1.0;
  return config;
}

config::Config ppo() {
  auto config = grpo();
  config.rl.update_epochs = 2;
  config.rl.mini_batch = 4;
  config.advantage.kind = "gae";
  config.kl.place = "reward";
  config.kl.coefficient = 0.1;
  return config;
}

/// Every option of the loss that grpo() leaves alone: GSPO with masked weights on older samples.
config::Config corrected() {
  auto config = grpo();
  config.rl.staleness = 1;
  config.policy_loss.importance_sampling_level = "sequence";
  config.policy_loss.rollout_correction.rollout_is = "token";
  config.policy_loss.rollout_correction.rollout_rs = "sequence";
  return config;
}

config::Config reinforce_plus_plus() {
  auto config = grpo();
  config.advantage.kind = "reinforce_plus_plus";
  config.policy_loss.loss_mode = "cispo";
  config.kl.place = "reward";
  config.kl.coefficient = 0.1;
  return config;
}

/// The rollouts of one replica: each group has a right and a wrong answer. Their log-probabilities
/// are those of the toy model.
std::vector<data::Rollout> toy_rollouts(const parallel::Communicator& replicas) {
  const auto samples = toy_samples(kGroups * kPerGroup);
  const auto logprobs = score_samples(*toy_model(), samples, {}).logprobs;
  std::vector<data::Rollout> rollouts;
  for (std::int64_t i = 0; i < kGroups * kPerGroup; ++i) {
    if (i / kPerGroup % replicas.size() != replicas.rank()) continue;
    const auto place = static_cast<std::size_t>(i);
    auto& rollout = rollouts.emplace_back();
    rollout.sample = i;
    rollout.group = i / kPerGroup;
    rollout.prompt.token_ids = samples[place].prompt_ids;
    rollout.completion.token_ids = samples[place].completion_ids;
    rollout.completion.logprobs = rollout.reference_logprobs = logprobs[place];
    rollout.reward.total = i % kPerGroup == 0 ? 1.0 : 0.0;
  }
  return rollouts;
}

/// What a tool answered is read: it changes what follows, and has no row of its own.
TEST(Scoring, OnlySampledTokensHaveLogProbabilities) {
  const auto model = toy_model();
  auto samples = toy_samples(4);
  const auto all = score_samples(*model, samples, {}).logprobs;
  std::vector<std::vector<double>> expected(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    data::Rollout rollout;
    rollout.prompt.token_ids = samples[i].prompt_ids;
    rollout.completion.token_ids = samples[i].completion_ids;
    const auto size = static_cast<std::int64_t>(samples[i].completion_ids.size());
    if (size > 2) rollout.completion.answers = {{1, size - 1, "call", "text", "ok"}};
    samples[i] = data::training_sample(rollout);
    for (std::int64_t t = 0; t < size; ++t)
      if (size <= 2 || t == 0 || t == size - 1)
        expected[i].push_back(all[i][static_cast<std::size_t>(t)]);
  }
  const auto masked = score_samples(*model, samples, {}).logprobs;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    ASSERT_EQ(masked[i].size(), expected[i].size());
    for (std::size_t t = 0; t < expected[i].size(); ++t)
      EXPECT_NEAR(masked[i][t], expected[i][t], kRounding);
  }
}

double num_tokens(std::span<const data::Rollout> rollouts) {
  double tokens = 0.0;
  for (const auto& rollout : rollouts)
    tokens += static_cast<double>(rollout.completion.token_ids.size());
  return tokens;
}

/// A rank's policy and what an update needs besides.
class ToyPolicy {
 public:
  ToyPolicy(parallel::Communicator& replicas, const config::Config& config,
            ToyRank::Options options = {})
      : config_(config),
        value_head_{at::full({1, 16}, 0.01, at::kDouble), at::zeros({1}, at::kDouble)},
        controller_(config.kl),
        timeline_({folder_.path(), 0, "policy", -1, -1.0, 1, /*enabled=*/false}) {
    if (config.advantage.needs_values())
      options.extra = {{"value_head.weight", value_head_.weight},
                       {"value_head.bias", value_head_.bias}};
    rank_.emplace(replicas, options);
  }

  PolicyUpdate update(std::span<const data::Rollout> rollouts,
                      std::span<const data::TrainingSample> coldstart = {},
                      const IsCutShort& is_cut_short = {}) {
    PolicyUpdateOptions options(config_);
    options.trainer = rank_->trainer_options;
    return update_policy(
        {rank_->trained(), config_.advantage.needs_values() ? &value_head_ : nullptr, controller_},
        rollouts, coldstart, options, {0, 0, /*seed=*/17, timeline_, [] {}, is_cut_short});
  }
  ToyRank& rank() { return *rank_; }

 private:
  config::Config config_;
  test::TemporaryFolder folder_;
  ValueHead value_head_;
  algorithms::KlController controller_;
  metrics::Timeline timeline_;
  std::optional<ToyRank> rank_;
};

TEST(PolicyUpdate, EqualsThatOfOneRank) {
  auto split = grpo();
  split.rl.update_epochs = 2;
  split.rl.mini_batch = 5;
  split.kl.place = "loss";
  split.kl.estimator = "k3";
  split.kl.coefficient = 0.1;
  // The generator's log-probabilities are off by a part that depends on the sample alone.
  const auto rollouts_of = [](const parallel::Communicator& replicas) {
    auto rollouts = toy_rollouts(replicas);
    for (auto& rollout : rollouts)
      for (auto& logprob : rollout.completion.logprobs)
        logprob += 0.1 * static_cast<double>(rollout.sample % 5) - 0.2;
    return rollouts;
  };
  for (const auto& config : {grpo(), split, ppo(), corrected(), reinforce_plus_plus()}) {
    ToyPolicy whole(parallel::alone(), config);
    const auto coldstart = toy_samples(3);
    const auto expected = whole.update(rollouts_of(parallel::alone()), coldstart);
    EXPECT_GT(whole.rank().distance_from_start(), 1e-3);
    for (const int size : {2, 3, 4})
      test::ThreadRanks::run(size, [&](parallel::Communicator& replicas) {
        ToyPolicy policy(replicas, config, {.micro_batch_tokens = 12, .share_prefix = size != 3});
        const auto found = policy.update(rollouts_of(replicas), coldstart);
        EXPECT_EQ(found.num_optimizer_steps, expected.num_optimizer_steps);
        for (const char* name :
             {"gradient_norm", "loss", "kl_old_new", "entropy", "entropy_first_token",
              "entropy_last_token", "reward_mean", "ratio_mean", "ratio_max", "completion_length",
              "completion_length_max", "generator_trainer_kl", "generator_trainer_kl_k2",
              "generator_trainer_kl_k3", "effective_sample_share", "zero_advantage_groups"})
          EXPECT_NEAR(number(found.metrics, name), number(expected.metrics, name), 1e-9) << name;
        EXPECT_LT(policy.rank().distance(whole.rank().model()), 1e-8)
            << config.advantage.kind << ", " << size << " ranks";
      });
  }
}

TEST(PolicyUpdate, EqualsThatOfOneRankOnAContextAxis) {
  for (const auto& config : {grpo(), ppo()}) {
    ToyPolicy whole(parallel::alone(), config);
    const auto coldstart = toy_samples(3);
    const auto rollouts = toy_rollouts(parallel::alone());
    const auto expected = whole.update(rollouts, coldstart);
    for (const int size : {2, 4})
      test::ThreadRanks::run(size, [&](parallel::Communicator& context) {
        ToyPolicy policy(parallel::alone(), config,
                         {.micro_batch_tokens = size == 2 ? 12 : 1000, .context = &context});
        const auto found = policy.update(rollouts, coldstart);
        for (const char* name : {"gradient_norm", "loss", "kl_old_new", "entropy", "reward_mean",
                                 "ratio_mean", "completion_length", "generator_trainer_max"})
          EXPECT_NEAR(number(found.metrics, name), number(expected.metrics, name), 1e-10) << name;
        EXPECT_LT(policy.rank().distance(whole.rank().model()), 1e-8)
            << config.advantage.kind << ", " << size << " ranks";
      });
  }
}

TEST(PolicyUpdate, OneOptimizerStepTakesItsOwnLogprobsAsTheOldOnes) {
  ToyPolicy policy(parallel::alone(), grpo());
  const auto metrics = policy.update(toy_rollouts(parallel::alone())).metrics;
  EXPECT_EQ(number(metrics, "ratio_mean"), 1.0);
  EXPECT_LT(number(metrics, "generator_trainer_max"), kRounding);
}

TEST(PolicyUpdate, SaysHowFarTheGeneratorIs) {
  auto rollouts = toy_rollouts(parallel::alone());
  rollouts[3].completion.logprobs[1] += 0.25;
  for (const auto& config : {grpo(), ppo()}) {
    ToyPolicy policy(parallel::alone(), config);
    const auto metrics = policy.update(rollouts).metrics;
    EXPECT_NEAR(number(metrics, "generator_trainer_max"), 0.25, kRounding);
    EXPECT_NEAR(number(metrics, "generator_trainer_abs"), 0.25 / num_tokens(rollouts), kRounding);
  }
}

TEST(PolicyUpdate, EstimatesTheGeneratorsKlAndTheSamplesThatCount) {
  auto rollouts = toy_rollouts(parallel::alone());
  const double shift = std::log(2.0);
  rollouts[3].completion.logprobs[1] += shift;  // the trainer has half of its probability
  const double tokens = num_tokens(rollouts);
  for (const auto& config : {grpo(), ppo()}) {
    ToyPolicy policy(parallel::alone(), config);
    const auto metrics = policy.update(rollouts).metrics;
    EXPECT_NEAR(number(metrics, "generator_trainer_kl"), shift / tokens, kRounding);
    EXPECT_NEAR(number(metrics, "generator_trainer_kl_k2"), shift * shift / 2 / tokens, kRounding);
    EXPECT_NEAR(number(metrics, "generator_trainer_kl_k3"), (0.5 - 1 + shift) / tokens, kRounding);
    const double weights = tokens - 0.5, squares = tokens - 0.75;
    EXPECT_NEAR(number(metrics, "effective_sample_share"), weights * weights / (tokens * squares),
                kRounding);
  }
}

// The correction's weights lead from the generator to the weights at the start of the step, and the
// ratio from there on: 1 in the step's first pass, whatever the generator says.
TEST(PolicyUpdate, ACorrectionSeparatesTheGeneratorFromTheOldPolicy) {
  auto rollouts = toy_rollouts(parallel::alone());
  for (auto& rollout : rollouts)
    for (auto& logprob : rollout.completion.logprobs) logprob -= std::log(3.0);
  auto config = grpo();
  config.rl.staleness = 1;
  ToyPolicy plain(parallel::alone(), config);
  EXPECT_NEAR(number(plain.update(rollouts).metrics, "ratio_mean"), 3.0, kRounding);
  config.policy_loss.rollout_correction.rollout_is = "token";
  ToyPolicy truncated(parallel::alone(), config);
  const auto metrics = truncated.update(rollouts).metrics;
  EXPECT_NEAR(number(metrics, "ratio_mean"), 1.0, kRounding);
  EXPECT_NEAR(number(metrics, "rollout_is_mean"), 2.0, kRounding) << "the threshold";
  EXPECT_EQ(number(metrics, "rollout_is_truncated_share"), 1.0);
  config.policy_loss.rollout_correction.rollout_rs = "token";
  ToyPolicy masked(parallel::alone(), config);
  EXPECT_EQ(number(masked.update(rollouts).metrics, "rollout_rs_masked_share"), 1.0);
  EXPECT_EQ(masked.rank().distance_from_start(), 0.0) << "no token is left to learn from";
}

TEST(PolicyUpdate, MiniBatchesWhoseMeanRatioIsTooLargeAreLeftOutAndCounted) {
  auto config = grpo();
  config.rl.staleness = 1;  // the ratio is that to the log-probs with which samples were drawn
  config.rl.mini_batch = 4;
  auto far = toy_rollouts(parallel::alone());
  for (auto& rollout : far)
    for (auto& logprob : rollout.completion.logprobs) logprob -= std::log(11.0);
  for (const double max_ratio : {0.0, 10.0, 12.0}) {
    config.rl.max_ratio = max_ratio;
    ToyPolicy policy(parallel::alone(), config);
    const auto result = policy.update(far);
    const bool left_out = max_ratio == 10.0;
    EXPECT_EQ(result.num_optimizer_steps, left_out ? 0 : 3);
    EXPECT_EQ(policy.rank().distance_from_start() == 0.0, left_out);
    EXPECT_EQ(policy.rank().trainer().num_steps(), 3) << "the schedule goes on";
    if (max_ratio == 0.0) continue;
    EXPECT_EQ(number(result.metrics, "over_ratio_mini_batches"), left_out ? 3.0 : 0.0);
    EXPECT_EQ(number(result.metrics, "over_ratio_tokens"), left_out ? num_tokens(far) : 0.0);
  }
}

TEST(PolicyUpdate, TheRatioIsThatOfAllReplicas) {
  auto config = grpo();
  config.rl.staleness = 1;
  config.rl.max_ratio = 5.0;
  test::ThreadRanks::run(2, [&](parallel::Communicator& replicas) {
    auto rollouts = toy_rollouts(replicas);
    for (auto& rollout : rollouts)
      for (auto& logprob : rollout.completion.logprobs)
        logprob -= replicas.rank() == 0 ? std::log(20.0) : 0.0;
    ToyPolicy policy(replicas, config);
    EXPECT_EQ(policy.update(rollouts).num_optimizer_steps, 0);
  });
}

// Groups of equal rewards have no advantage: what is left is the entropy's gradient, which is
// small.
TEST(PolicyUpdate, TheFirstStepWithAdvantagesIsNoOutlier) {
  auto config = grpo();
  config.policy_loss.entropy_coef = 1e-4;
  auto equal = toy_rollouts(parallel::alone());
  for (auto& rollout : equal) rollout.reward.total = 0.0;
  ToyPolicy policy(parallel::alone(), config, {.outlier_factor = 20.0});
  for (int step = 0; step < 12; ++step) {
    const auto metrics = policy.update(equal).metrics;
    EXPECT_EQ(number(metrics, "zero_advantage_groups"), 1.0);
    EXPECT_GT(number(metrics, "gradient_norm"), 0.0);
    EXPECT_LT(number(metrics, "gradient_norm"), 1e-2);
  }
  const auto result = policy.update(toy_rollouts(parallel::alone()));
  EXPECT_GT(number(result.metrics, "gradient_norm"), 0.2);
  EXPECT_EQ(result.num_optimizer_steps, 1);
  EXPECT_EQ(number(result.metrics, "skipped_steps"), 0.0);
}

TEST(PolicyUpdate, ACutOnOneReplicaBeforeTheFirstOptimizerStepDropsTheStepOnAll) {
  auto config = ppo();
  config.rl.mini_batch = 0;  // all micro-batches of an epoch are before an optimizer step
  for (const int zero_stage : {0, 2, 3})
    for (const int micro_batches_before : {0, 1})
      test::ThreadRanks::run(3, [&](parallel::Communicator& replicas) {
        ToyPolicy policy(replicas, config, {.micro_batch_tokens = 6, .zero_stage = zero_stage});
        int asked = 0;
        const auto result = policy.update(toy_rollouts(replicas), toy_samples(3), [&] {
          return replicas.rank() == 1 && asked++ >= micro_batches_before;
        });
        EXPECT_EQ(result.num_optimizer_steps, 0);
        EXPECT_TRUE(result.metrics.values().empty());
        EXPECT_EQ(policy.rank().distance_from_start(), 0.0);
      });
}

TEST(PolicyUpdate, ACutBehindTheFirstOptimizerStepEndsTheUpdateOnAllReplicas) {
  test::ThreadRanks::run(2, [&](parallel::Communicator& replicas) {
    ToyPolicy policy(replicas, ppo());
    int asked = 0;
    const auto result = policy.update(toy_rollouts(replicas), {}, [&] {  // one micro-batch each
      return asked++ > 0 && replicas.rank() == 1;
    });
    EXPECT_EQ(asked, 2);
    EXPECT_TRUE(result.metrics.values().empty());
    EXPECT_GT(policy.rank().distance_from_start(), 0.0);
    EXPECT_EQ(policy.rank().trainer().num_steps(), 2) << "the second one was dropped";
  });
}

TEST(PolicyUpdate, LaterEpochsEndWhereThePolicyHasMovedFar) {
  auto config = grpo();
  config.rl.update_epochs = 8;
  for (const double max_kl : {0.0, 1e-3}) {
    config.rl.max_kl = max_kl;
    ToyPolicy policy(parallel::alone(), config);
    const auto result = policy.update(toy_rollouts(parallel::alone()));
    if (max_kl == 0.0) {
      EXPECT_EQ(result.num_optimizer_steps, 8);
    } else {
      EXPECT_LT(result.num_optimizer_steps, 8);
      EXPECT_GT(result.num_optimizer_steps, 1) << "the first epoch has moved nothing yet";
    }
  }
}

TEST(PolicyUpdate, MaskedRowsCountAsRowsAlone) {
  auto config = grpo();
  config.rl.overlong = "mask";
  auto rollouts = toy_rollouts(parallel::alone());
  for (auto& rollout : rollouts) rollout.completion.finish_reason = data::FinishReason::Length;
  ToyPolicy policy(parallel::alone(), config);
  const auto metrics = policy.update(rollouts).metrics;
  EXPECT_EQ(number(metrics, "truncated_share"), 1.0);
  EXPECT_EQ(number(metrics, "gradient_norm"), 0.0);
  EXPECT_EQ(policy.rank().distance_from_start(), 0.0);
}

// Cold-start samples are spread over the mini-batches; the logged loss is the mean over all of
// them.
TEST(PolicyUpdate, ReportsTheColdStartLossOfTheStep) {
  auto config = grpo();
  config.rl.mini_batch = 4;
  config.rl.coldstart.fraction = 0.25;
  const auto coldstart = toy_samples(config.rl.coldstart_samples());
  ToyPolicy policy(parallel::alone(), config, {.learning_rate = 0.0});
  double sum = 0.0, tokens = 0.0;
  for (const auto& logprobs : score_samples(*toy_model(), coldstart, {}).logprobs)
    for (const double logprob : logprobs) {
      sum -= logprob;
      tokens += 1.0;
    }
  const auto metrics = policy.update(toy_rollouts(parallel::alone()), coldstart).metrics;
  EXPECT_NEAR(number(metrics, "coldstart_loss"), sum / tokens, kRounding);
}

// Each optimizer step has its part of the cold-start samples: of two, each of two steps learns one,
// so that the mean of the steps' gradient norms is that of the samples' own, by their tokens. Both
// in one step would give the norm of a sum.
TEST(PolicyUpdate, SpreadsColdStartSamplesOverTheOptimizerSteps) {
  auto rollouts = toy_rollouts(parallel::alone());
  for (auto& rollout : rollouts) rollout.reward.total = 1.0;  // no advantages: no other gradient
  const auto norm = [&](const std::vector<data::TrainingSample>& coldstart) {
    auto config = grpo();
    const auto total = config.rl.samples_per_step();
    config.rl.mini_batch = total / static_cast<std::int64_t>(coldstart.size());
    config.rl.coldstart.fraction =
        static_cast<double>(coldstart.size()) / static_cast<double>(total);
    ToyPolicy policy(parallel::alone(), config, {.learning_rate = 0.0});
    return number(policy.update(rollouts, coldstart).metrics, "gradient_norm");
  };
  const auto samples = toy_samples(2);
  double expected = 0.0, tokens = 0.0;
  for (const auto& sample : samples) {
    const auto length = static_cast<double>(sample.completion_ids.size());
    expected += length * norm({sample});
    tokens += length;
  }
  EXPECT_GT(expected, 1e-3);
  EXPECT_NEAR(norm(samples), expected / tokens, kRounding);
}

// The losses' log-probabilities are those at rl.logprob_temperature; the comparison with the
// generator stays at the temperature that it sampled at.
TEST(PolicyUpdate, LossesHaveATemperatureOfTheirOwn) {
  for (auto config : {grpo(), ppo()}) {
    config.sampling.temperature = 0.7;
    config.rl.logprob_temperature = 1.0;
    auto rollouts = toy_rollouts(parallel::alone());
    ScoringOptions sampled;
    sampled.temperature = 0.7;
    const auto samples = toy_samples(static_cast<std::int64_t>(rollouts.size()));
    const auto logprobs = score_samples(*toy_model(), samples, sampled).logprobs;
    for (std::size_t i = 0; i < rollouts.size(); ++i) rollouts[i].completion.logprobs = logprobs[i];
    ToyPolicy policy(parallel::alone(), config, {.learning_rate = 0.0});
    const auto metrics = policy.update(rollouts).metrics;
    EXPECT_LT(number(metrics, "generator_trainer_max"), kRounding) << config.advantage.kind;
    EXPECT_NEAR(number(metrics, "ratio_mean"), 1.0, kRounding);
    if (config.advantage.kind == "gae") {  // the reference's are at T = 1, as the policy's
      EXPECT_NEAR(number(metrics, "kl_token"), 0.0, kRounding);
    }
  }
}

}  // namespace
}  // namespace r1::training
