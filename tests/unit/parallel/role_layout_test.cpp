#include "parallel/role_layout.h"

#include <gtest/gtest.h>

#include "base/errors.h"

namespace r1::parallel {
namespace {

const std::vector<RoleRequest> kRl = {
    {.name = "policy"}, {.name = "reference"}, {.name = "reward"}};

std::string problem_of(const std::vector<RoleRequest>& requests, int world_size) {
  try {
    RoleLayout(requests, world_size);
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return {};
}

std::vector<std::string> roles_of(const RoleLayout& layout, int rank) {
  std::vector<std::string> names;
  for (const auto& place : layout.places(rank)) names.push_back(place.role);
  return names;
}

TEST(RoleLayout, WorldOfOneSharesItsRank) {
  const RoleLayout layout(kRl, 1);
  EXPECT_EQ(roles_of(layout, 0), (std::vector<std::string>{"policy", "reference", "reward"}));
  EXPECT_EQ(layout.print(), "rank 0 policy (dp 1), 0 reference (dp 1), 0 reward (dp 1)");
}

TEST(RoleLayout, AutoGivesOthersOneRankAndThePolicyTheRest) {
  const RoleLayout layout(kRl, 5);
  EXPECT_EQ(layout.print(), "rank 0..2 policy (dp 3), 3 reference (dp 1), 4 reward (dp 1)");
  EXPECT_EQ(layout.places(2)[0].rank, 2);
  EXPECT_EQ(layout.places(2)[0].replica, 2);
  EXPECT_TRUE(layout.is_in(4, "reward"));
  EXPECT_FALSE(layout.is_in(4, "teacher"));
}

TEST(RoleLayout, CountsAreKept) {
  const RoleLayout layout({{.name = "reward", .ranks = 2}, {.name = "policy", .ranks = 2}}, 4);
  EXPECT_EQ(layout.print(), "rank 2..3 reward (dp 2), 0..1 policy (dp 2)");
}

TEST(RoleLayout, SharingRolesLiveOnTheOthersRanks) {
  const RoleLayout layout({{.name = "policy"},
                           {.name = "reference", .share_with = "policy"},
                           {.name = "reward"},
                           {.name = "judge", .share_with = "reward"}},
                          3);
  EXPECT_EQ(layout.role("reference").ranks, (std::vector<int>{0, 1}));
  EXPECT_EQ(layout.role("judge").ranks, (std::vector<int>{2}));
}

TEST(RoleLayout, ThePolicyMayLiveOnAnotherRolesRanks) {
  const RoleLayout layout(
      {{.name = "policy", .share_with = "teacher"}, {.name = "teacher", .ranks = 3}}, 3);
  EXPECT_EQ(layout.role("policy").ranks, (std::vector<int>{0, 1, 2}));
}

TEST(RoleLayout, ReplicasCountModelCopies) {
  const RoleLayout layout({{.name = "policy", .mesh = {{"dp", -1}, {"tp", 2}}}}, 4);
  EXPECT_EQ(layout.places(1)[0].replica, 0);
  EXPECT_EQ(layout.places(2)[0].replica, 1);
  EXPECT_EQ(layout.places(3)[0].coordinates, (std::vector<int>{1, 1}));
}

TEST(RoleLayout, OneRoleMayHaveTwoMeshes) {
  const RoleLayout layout(
      {{.name = "policy", .mesh = {{"dp", 2}, {"tp", 2}}},
       {.name = "policy.generate", .share_with = "policy", .mesh = {{"dp", 4}}}},
      4);
  EXPECT_EQ(layout.role("policy.generate").mesh.describe(), "dp 4");
}

// Ranks dealt out to nodes like cards: tensor-parallel pairs are still on one node.
TEST(RoleLayout, KeepsRanksOfANodeTogether) {
  const RoleLayout layout({{.name = "policy", .mesh = {{"dp", -1}, {"tp", 2}}}}, 4, {0, 1, 0, 1});
  EXPECT_EQ(layout.role("policy").ranks, (std::vector<int>{0, 2, 1, 3}));
  EXPECT_EQ(layout.print(), "rank 0+2+1+3 policy (dp 2 x tp 2)");
  EXPECT_TRUE(layout.warnings().empty());
}

TEST(RoleLayout, WarnsOfTensorParallelGroupsOverNodes) {
  const RoleLayout layout({{.name = "policy", .mesh = {{"tp", 4}}}}, 4, {0, 0, 1, 1});
  ASSERT_EQ(layout.warnings().size(), 1U);
  EXPECT_NE(layout.warnings()[0].find("1 of 1 tp groups"), std::string::npos);
}

TEST(RoleLayout, AContextAxisMaySpanNodes) {
  const RoleLayout layout({{.name = "policy", .mesh = {{"cp", 2}, {"tp", 2}}}}, 4, {0, 0, 1, 1});
  EXPECT_TRUE(layout.warnings().empty());
}

TEST(RoleLayout, RolesThatShareRanksMayHoldTheSameParts) {
  const auto role = [](std::vector<Axis> mesh) {
    return RoleAssignment{"policy", {0, 1, 2, 3, 4, 5, 6, 7}, Mesh(std::move(mesh))};
  };
  const auto context = role({{"dp", 2}, {"cp", 2}, {"tp", 2}});
  EXPECT_TRUE(hold_the_same_parts(context, role({{"dp", 4}, {"tp", 2}})));
  EXPECT_FALSE(hold_the_same_parts(context, role({{"dp", 8}})));
  EXPECT_FALSE(hold_the_same_parts(role({{"ep", 2}, {"cp", 2}, {"tp", 2}}),
                                   role({{"dp", 2}, {"ep", 2}, {"tp", 2}})))
      << "other ranks hold an expert together";
}

TEST(RoleLayout, TooManyRanksIsAnErrorWithCountsAndAdvice) {
  const auto problem =
      problem_of({{.name = "policy", .ranks = 2}, {.name = "reward", .ranks = 1}}, 2);
  EXPECT_NE(problem.find("expected at most 2 ranks (the world), found 3"), std::string::npos)
      << problem;
  EXPECT_NE(problem.find("share_with"), std::string::npos);
  EXPECT_NE(problem_of({{.name = "policy", .ranks = 2}}, 1), "");
}

TEST(RoleLayout, AutomaticRolesShareWhereRanksAreFew) {
  EXPECT_EQ(RoleLayout(kRl, 2).print(),
            "rank 0..1 policy (dp 2), 0..1 reference (dp 2), 0..1 reward (dp 2)");
  EXPECT_EQ(RoleLayout({{.name = "policy"}, {.name = "reward"}}, 2).print(),
            "rank 0 policy (dp 1), 1 reward (dp 1)");
}

TEST(RoleLayout, IdleRanksMustBeAllowed) {
  const std::vector<RoleRequest> requests = {{.name = "policy", .ranks = 2}};
  const auto problem = problem_of(requests, 4);
  EXPECT_NE(problem.find("roles.policy.ranks"), std::string::npos) << problem;
  EXPECT_NE(problem.find("set it to 4"), std::string::npos) << problem;
  EXPECT_EQ(RoleLayout(requests, 4, {}, true).print(), "rank 0..1 policy (dp 2), 2..3 idle");
}

TEST(RoleLayout, AllBadRequestsAreReportedTogether) {
  const auto problem =
      problem_of({{.name = "policy", .ranks = 0}, {.name = "reward", .share_with = "nobody"}}, 2);
  EXPECT_NE(problem.find("roles.policy.ranks"), std::string::npos) << problem;
  EXPECT_NE(problem.find("found 'nobody'"), std::string::npos) << problem;
}

TEST(RoleLayout, ContradictionsAreErrors) {
  EXPECT_NE(problem_of({{.name = "reward"}}, 1), "");  // no policy
  EXPECT_NE(problem_of({{.name = "policy"}, {.name = "policy"}}, 2), "");
  EXPECT_NE(problem_of({{.name = "policy", .share_with = "reward"},
                        {.name = "reward", .share_with = "policy"}},
                       2),
            "");
  EXPECT_NE(
      problem_of({{.name = "policy"}, {.name = "reward", .ranks = 1, .share_with = "policy"}}, 2),
      "");
  const auto mesh = problem_of({{.name = "policy", .mesh = {{"dp", -1}, {"tp", 2}}}}, 3);
  EXPECT_EQ(mesh, "roles.policy: mesh dp auto x tp 2 needs a multiple of 2 ranks, found 3");
}

TEST(RoleLayout, PolicyMayGenerateOnRanksOfItsOwn) {
  const RoleLayout apart({{.name = "policy"},
                          {.name = "reward", .share_with = kPolicyGenerate},
                          {.name = kPolicyGenerate, .ranks = 2}},
                         5);
  EXPECT_TRUE(apart.generates_apart());
  EXPECT_STREQ(sampling_role(apart), kPolicyGenerate);
  EXPECT_EQ(apart.print(),
            "rank 0..2 policy (dp 3), 3..4 reward (dp 2), 3..4 policy.generate (dp 2)");
  const RoleLayout shared({{.name = "policy"}, {.name = kPolicyGenerate, .share_with = "policy"}},
                          2);
  EXPECT_FALSE(shared.generates_apart());
  EXPECT_STREQ(sampling_role(shared), kPolicy);
}

}  // namespace
}  // namespace r1::parallel
