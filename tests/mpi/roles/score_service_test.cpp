// Rollouts reach the role that scores them with their prompts, and each answer its rollout.
#include <gtest/gtest.h>

#include "mpi/roles/toy_run.h"

namespace r1::mpi {
namespace {

using Service = ScoreService<std::string>;

/// What a server that sees a rollout says of it.
std::string seen(const data::Rollout& rollout) {
  return fmt::format("{} of {}: {} {}", rollout.sample, rollout.group, rollout.prompt.text,
                     rollout.completion.text);
}

std::vector<std::string> seen(std::span<const data::Rollout> rollouts) {
  std::vector<std::string> replies;
  for (const auto& rollout : rollouts) replies.push_back(seen(rollout));
  return replies;
}

struct Layout {
  int num_ranks;
  std::vector<parallel::RoleRequest> requests;
};

const std::vector<Layout> kLayouts = {
    {1, {{.name = "policy"}, {.name = "reward", .share_with = "policy"}}},
    {2, {{.name = "policy", .ranks = 1}, {.name = "reward", .ranks = 1}}},
    {4, {{.name = "policy", .ranks = 3}, {.name = "reward", .ranks = 1}}},
    {4, {{.name = "policy", .ranks = 1}, {.name = "reward", .ranks = 3}}},
    {4,
     {{.name = "policy", .ranks = 4, .mesh = {{"dp", 2}, {"tp", 2}}},
      {.name = "reward", .share_with = "policy"}}},
    {5,
     {{.name = "policy", .ranks = 3},
      {.name = "reward", .ranks = 2, .mesh = {{"dp", 1}, {"tp", 2}}}}},
    {5,
     {{.name = "policy", .ranks = 2},
      {.name = kPolicyGenerate, .ranks = 2},
      {.name = "reward", .ranks = 1}}}};

TEST(ScoreService, AnswersEveryRolloutKnowingItsPrompt) {
  auto world = test::make_world();
  const auto prompts = test::questions(7, /*first=*/3);
  for (const auto& layout : kLayouts) {
    if (layout.num_ranks > world.size()) continue;
    RoleGroups groups(world, RoleLayout(layout.requests, world.size(), {}, true));
    Exchange exchange(world.handle());
    Service service(groups, exchange, "reward", kRewardRequest, kRewardReply);

    std::vector<RolloutChunk> chunks;
    for (std::int64_t c = 0; c < test::kChunks; ++c) {
      chunks.push_back(test::own_chunk(groups, prompts, c));
      service.score(prompts, chunks.back(), [](auto rollouts) { return seen(rollouts); });
    }
    std::int64_t num_stored = 0;
    service.collect(chunks, [&](data::Rollout& rollout, std::string reply) {
      EXPECT_EQ(reply, seen(rollout)) << groups.layout().print();
      ++num_stored;
    });

    const auto* role = parallel::sampling_role(groups.layout());
    const double leads = groups.layout().leads(world.rank(), role) ? 1.0 : 0.0;
    EXPECT_EQ(world.all_reduce_scalar(leads * static_cast<double>(num_stored),
                                      parallel::ReduceOp::Sum, "answers"),
              7.0 * test::kSamplesPerPrompt)
        << groups.layout().print();
  }
}

TEST(RolloutMessages, LeaveOutThePromptsThatTheReceiverKnows) {
  auto world = test::make_world();
  Exchange exchange(world.handle());
  const auto prompts = test::questions(4, /*first=*/5);
  std::vector<data::Rollout> rollouts(2);
  for (std::size_t i = 0; i < rollouts.size(); ++i) {
    rollouts[i].group = prompts[2 * i].index;
    rollouts[i].prompt = prompts[2 * i];
    rollouts[i].completion.text = "an answer";
  }
  const int me = world.rank();

  send_rollouts(exchange, me, kOwnersSamples, rollouts, prompts);
  const auto bare = exchange.receive<std::vector<data::Rollout>>(me, kOwnersSamples);
  send_rollouts(exchange, me, kOwnersSamples, rollouts, prompts);
  const auto whole = receive_rollouts(exchange, me, kOwnersSamples, prompts, "rollouts");
  send_rollouts(exchange, me, kOwnersSamples, rollouts, {});
  const auto with_prompts = receive_rollouts(exchange, me, kOwnersSamples, {}, "rollouts");

  ASSERT_EQ(bare.size(), rollouts.size());
  for (const auto& rollout : bare) EXPECT_EQ(rollout.prompt, data::Prompt());
  EXPECT_EQ(whole, rollouts);
  EXPECT_EQ(with_prompts, rollouts);
}

}  // namespace
}  // namespace r1::mpi
