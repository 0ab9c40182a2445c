// The reference gives the log-probabilities of the whole model in every layout, also after it took
// over the policy's weights.
#include "mpi/roles/reference.h"

#include <gtest/gtest.h>

#include "mpi/roles/policy.h"
#include "mpi/roles/toy_run.h"

namespace r1::mpi {
namespace {

/// Splits of policy and reference that fit the world.
std::vector<std::vector<std::string>> reference_layouts(int world_size) {
  const std::string split = "roles.policy.train.tp=2",
                    share = "roles.reference.share_with=\"policy\"",
                    split_reference = "roles.reference.train.tp=2",
                    no_reward = "roles.reward.share_with=\"policy\"";
  if (world_size == 1) return {{}};
  if (world_size == 4)
    return {{split}, {split, share, no_reward}, {share, split_reference, no_reward}};
  return {{split, "roles.reference.ranks=2", split_reference}, {"roles.reference.ranks=2"}};
}

void expect_logprobs(test::ToyRun& toy, Reference& reference, const models::Model& whole) {
  const auto prompts = test::questions(6);
  std::vector<RolloutChunk> chunks;
  for (std::int64_t c = 0; c < test::kChunks; ++c) {
    chunks.push_back(test::own_chunk(toy.groups(), prompts, c));
    reference.score(prompts, chunks.back());
  }
  reference.collect(chunks);
  for (const auto& chunk : chunks)
    for (const auto& rollout : chunk.rollouts) {
      const auto expected = test::completion_logprobs(whole, rollout);
      ASSERT_EQ(rollout.reference_logprobs.size(), expected.size());
      for (std::size_t i = 0; i < expected.size(); ++i)
        EXPECT_NEAR(rollout.reference_logprobs[i], expected[i], test::kRounding)
            << toy.groups().layout().print();
    }
}

TEST(ReferenceRole, ScoresWithTheFirstWeightsThenWithThePolicys) {
  for (auto overrides : reference_layouts(test::environment().size())) {
    overrides.emplace_back("rl.reference_update_every=2");
    test::ToyRun toy("rl", overrides);
    Policy policy(toy.run());
    Reference reference(toy.run(), policy);
    toy.begin();
    const auto whole = test::whole_model(toy.config().model, toy.config().run.seed);
    const auto grow = [](models::Model& model) {
      const at::NoGradGuard no_grad;
      for (auto& parameter : model.parameters()) parameter.value.mul_(1.25);
    };
    expect_logprobs(toy, reference, *whole);

    if (policy.active()) grow(policy.model());
    reference.update_if_due(1, policy);
    expect_logprobs(toy, reference, *whole);

    reference.update_if_due(2, policy);
    grow(*whole);
    expect_logprobs(toy, reference, *whole);
  }
}

}  // namespace
}  // namespace r1::mpi
