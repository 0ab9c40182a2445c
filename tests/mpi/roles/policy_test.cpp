// The policy samples the same completions in every layout: those of one engine with the whole
// model.
#include "mpi/roles/policy.h"

#include <gtest/gtest.h>

#include "mpi/roles/toy_run.h"

namespace r1::mpi {
namespace {

/// Splits of training and generation that fit the world.
std::vector<std::vector<std::string>> policy_layouts(int world_size) {
  const std::string share = "roles.reward.share_with=\"policy\"", split = "roles.policy.train.tp=2",
                    whole = "roles.policy.generate.tp=1";
  if (world_size == 1) return {{}};
  if (world_size == 4)
    return {{share}, {share, split, whole}, {share, "roles.policy.generate.tp=2"}};
  return {{"roles.generate_ranks=2", "roles.policy.ranks=2", split, whole}, {}};
}

/// Completion of every sample number, drawn by one engine.
std::vector<data::Completion> drawn_alone(test::ToyRun& toy,
                                          std::span<const data::Prompt> prompts) {
  const auto& config = toy.config();
  const auto model = test::whole_model(config.model, config.run.seed);
  std::vector<generation::Request> requests;
  for (const auto& prompt : prompts) {
    requests.push_back({prompt.token_ids, {}});
    for (std::int64_t i = 0; i < config.rl.samples_per_prompt; ++i)
      requests.back().seeds.push_back(toy.run().seed(
          {0, static_cast<std::uint64_t>(prompt.index * config.rl.samples_per_prompt + i)}));
  }
  const auto& tokenizer = *toy.run().text().tokenizer;
  std::vector<data::Completion> completions;
  for (auto& samples : generation::Engine(*model, config.engine)
                           .generate(requests, config.sampling, {tokenizer.eos_token_ids(), {}}))
    for (auto& completion : samples) completions.push_back(std::move(completion));
  return completions;
}

TEST(PolicyRole, SamplesWhatOneEngineDraws) {
  for (auto overrides : policy_layouts(test::environment().size())) {
    overrides.emplace_back("kl.coefficient=0.0");  // no reference
    test::ToyRun toy("rl", overrides);
    Policy policy(toy.run());
    toy.begin();
    const auto prompts = test::questions(toy.config().rl.prompts_per_step);
    const auto expected = drawn_alone(toy, prompts);

    policy.synchronise(0);
    std::int64_t num_samples = 0;
    for (std::int64_t c = 0; c < toy.config().rl.chunks; ++c)
      for (const auto& rollout :
           policy.sample_chunk(prompts, 0, toy.config().settings_at(0), c).rollouts) {
        const auto& wanted = expected[static_cast<std::size_t>(rollout.sample)];
        EXPECT_EQ(rollout.completion.token_ids, wanted.token_ids)
            << toy.groups().layout().print() << ", sample " << rollout.sample;
        ASSERT_EQ(rollout.completion.logprobs.size(), wanted.logprobs.size());
        for (std::size_t i = 0; i < wanted.logprobs.size(); ++i)
          EXPECT_NEAR(rollout.completion.logprobs[i], wanted.logprobs[i], test::kRounding);
        ++num_samples;
      }
    toy.run().exchange().flush();

    auto& world = toy.run().world();
    const auto* role = parallel::sampling_role(toy.groups().layout());
    const double leads = toy.groups().layout().leads(world.rank(), role) ? 1.0 : 0.0;
    EXPECT_EQ(world.all_reduce_scalar(leads * static_cast<double>(num_samples),
                                      parallel::ReduceOp::Sum, "samples"),
              static_cast<double>(expected.size()));
  }
}

/// This rank's part of a step: of each question a right answer and a wrong one, whose tokens the
/// weights that drew them gave this log-probability.
std::vector<data::Rollout> scored_rollouts(test::ToyRun& toy, double logprob) {
  const auto prompts = test::questions(toy.config().rl.prompts_per_step);
  std::vector<data::Rollout> rollouts;
  for (std::int64_t c = 0; c < test::kChunks; ++c)
    for (auto& rollout : test::own_chunk(toy.groups(), prompts, c).rollouts) {
      rollout.completion.logprobs.assign(rollout.completion.token_ids.size(), logprob);
      rollout.reward.total = rollout.sample % 2 == 0 ? 1.0 : 0.0;
      rollouts.push_back(rollout);
    }
  return rollouts;
}

double value_of(const metrics::StepMetrics& metrics, const std::string& name) {
  for (const auto& [key, value] : metrics.values())
    if (key == name) return std::get<double>(value);
  ADD_FAILURE() << "no " << name;
  return 0.0;
}

// A token of the toy model has a log-probability of about -5.6.
TEST(PolicyRole, LeavesOutMiniBatchesWhoseMeanRatioIsTooLarge) {
  for (const double logprob : {-5.0, -20.0}) {
    test::ToyRun toy(
        "rl", {"kl.coefficient=0.0", "rl.staleness=1", "rl.max_ratio=10.0", "rl.prompts_per_step=8",
               "rl.samples_per_prompt=2", "rl.mini_batch=8", "roles.reward.share_with=\"policy\""});
    Policy policy(toy.run());
    toy.begin();
    if (!policy.active()) continue;
    const auto before = policy.model().parameters()[1].value.detach().clone();
    const auto metrics = policy.update(scored_rollouts(toy, logprob), {}, 0);
    const bool far = logprob == -20.0;
    EXPECT_EQ(value_of(metrics, "over_ratio_mini_batches"), far ? 2.0 : 0.0);
    EXPECT_EQ(value_of(metrics, "over_ratio_tokens"), far ? 16.0 * 3.0 : 0.0);
    EXPECT_EQ(at::equal(policy.model().parameters()[1].value.detach(), before), far);
    EXPECT_EQ(policy.version(), far ? 0 : 2);
    EXPECT_EQ(policy.trainer().num_steps(), 2);
  }
}

}  // namespace
}  // namespace r1::mpi
