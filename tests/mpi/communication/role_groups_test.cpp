// The communicators of a layout join the ranks that the layout says.
#include "mpi/role_groups.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "support/backends.h"

namespace r1::mpi {
namespace {

int sum_over(parallel::Communicator& comm, int value) {
  return static_cast<int>(comm.all_reduce_scalar(value, parallel::ReduceOp::Sum, "test"));
}

TEST(RoleGroups, EveryRoleSumsOverItsOwnRanks) {
  auto world = test::make_world();
  RoleGroups groups(world, RoleLayout({{.name = "policy"}, {.name = "reward"}}, world.size()));
  for (const auto& role : groups.layout().roles()) {
    if (!groups.is_in(role.name)) {
      EXPECT_THROW(groups.role(role.name), base::InternalError);
      continue;
    }
    int expected = 0;
    for (const int rank : role.ranks) expected += rank;
    EXPECT_EQ(sum_over(groups.role(role.name), world.rank()), expected);
    EXPECT_EQ(groups.role(role.name).rank(), groups.place(role.name).rank);
  }
}

TEST(RoleGroups, AxesOfAMeshAreLinesOfIt) {
  auto world = test::make_world();
  if (world.size() != 4) GTEST_SKIP() << "needs 4 ranks";
  RoleGroups groups(world, RoleLayout({{.name = "policy", .mesh = {{"dp", 2}, {"tp", 2}}}}, 4));
  const int tp_sum[] = {1, 1, 5, 5};  // {0,1} and {2,3}
  const int dp_sum[] = {2, 4, 2, 4};  // {0,2} and {1,3}
  EXPECT_EQ(sum_over(groups.model_axes("policy")[parallel::ModelAxis::Tensor], world.rank()),
            tp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.data("policy"), world.rank()), dp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.copies("policy"), world.rank()), dp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.expert_copies("policy"), world.rank()), dp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.model_axes("policy")[parallel::ModelAxis::Experts], world.rank()),
            tp_sum[world.rank()]);
}

TEST(RoleGroups, ExpertsOnSeveralNodesAreDividedByThem) {
  auto world = test::make_world();
  if (world.size() != 4) GTEST_SKIP() << "needs 4 ranks";
  const auto experts = [&](const std::vector<parallel::Axis>& mesh, const std::vector<int>& nodes) {
    RoleGroups groups(world, RoleLayout({{.name = "policy", .mesh = mesh}}, 4, nodes));
    const auto ranks = groups.model_axes("policy").experts();
    return ranks.several_nodes() ? std::pair{sum_over(*ranks.within, world.rank()),
                                             sum_over(*ranks.across, world.rank())}
                                 : std::pair{-1, -1};
  };
  const int within[] = {1, 1, 5, 5}, across[] = {2, 4, 2, 4};
  for (const std::vector<parallel::Axis>& mesh :
       {std::vector<parallel::Axis>{{"ep", 4}}, {{"ep", 2}, {"tp", 2}}})
    EXPECT_EQ(experts(mesh, {7, 7, 3, 3}), (std::pair{within[world.rank()], across[world.rank()]}));
  const std::pair none{-1, -1};
  EXPECT_EQ(experts({{"ep", 4}}, {}), none);
  EXPECT_EQ(experts({{"ep", 4}}, {0, 1, 2, 3}), none) << "one rank on each node";
  EXPECT_EQ(experts({{"ep", 4}}, {0, 0, 0, 1}), none) << "3 and 1";
  EXPECT_EQ(experts({{"dp", 2}, {"ep", 2}}, {0, 0, 1, 1}), none) << "groups within a node";
}

// Places of ranks 0, 1, ... by (node, bus).
std::vector<GpuPlace> places(const std::vector<std::pair<std::string, std::string>>& list) {
  std::vector<GpuPlace> result;
  for (const auto& [node, bus] : list) result.push_back({"login", node, bus});
  return result;
}

TEST(RanksOnOneGpu, AreThoseOfOneNodeAndOneBus) {
  const auto all = places({{"a", "1b"}, {"a", "1c"}, {"b", "1b"}, {"a", "1c"}});
  EXPECT_FALSE(ranks_on_one_gpu(all, {0, 1, 2})) << "hosts may have the same name";
  EXPECT_EQ(ranks_on_one_gpu(all, {0, 1, 2, 3}), (std::pair{1, 3}));
  EXPECT_EQ(ranks_on_one_gpu(all, {3, 0, 1}), (std::pair{3, 1}));
  EXPECT_FALSE(ranks_on_one_gpu(all, {3}));
}

TEST(CommunicationBackend, CpuTensorsStayWithMpi) {
  auto world = test::make_world();
  std::vector<int> ranks;
  for (int rank = 0; rank < world.size(); ++rank) ranks.push_back(rank);
  for (const std::string name : {"auto", "mpi"}) {
    const CommunicationBackend backend(world, {name, at::kCPU});
    EXPECT_NO_THROW(backend.require("role policy", ranks));
    EXPECT_FALSE(backend.is_nccl(ranks));
    EXPECT_FALSE(backend.joins_single_ranks());
  }
  const CommunicationBackend backend(world, {"nccl", at::kCPU});
  EXPECT_THROW(backend.require("role policy", ranks), base::ConfigError);
}

// Ranks that share a GPU: refused before NCCL sees it, on every rank alike. Without a GPU: skipped.
TEST(CommunicationBackend, NcclOnASharedGpuIsAConfigurationError) {
  const auto& gpu = test::BackendWorld::of(test::Backend::MpiOnGpu);
  if (!gpu.problem().empty()) GTEST_SKIP() << gpu.problem();
  if (test::BackendWorld::of(test::Backend::Nccl).problem().empty())
    GTEST_SKIP() << "every rank has a GPU of its own";
  auto world = test::make_world();
  try {
    RoleGroups groups(world, RoleLayout({{.name = "policy"}}, world.size()),
                      {"nccl", gpu.device()});
    FAIL() << "no error";
  } catch (const base::ConfigError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("ranks 0 and "), std::string::npos) << text;
    EXPECT_NE(text.find(host_name()), std::string::npos) << text;
    EXPECT_NE(text.find("NCCL refuses two ranks on one GPU: use mpi"), std::string::npos) << text;
  }
  RoleGroups groups(world, RoleLayout({{.name = "policy"}}, world.size()), {"auto", gpu.device()});
  EXPECT_TRUE(groups.over_nccl().empty());
}

TEST(CommunicationBackend, RoleGroupsAreNcclsWhereEveryRankHasAGpu) {
  const auto& gpu = test::BackendWorld::of(test::Backend::Nccl);
  if (!gpu.problem().empty()) GTEST_SKIP() << gpu.problem();
  auto world = test::make_world();
  RoleGroups groups(world, RoleLayout({{.name = "policy"}}, world.size()), {"nccl", gpu.device()});
  EXPECT_EQ(groups.over_nccl(), (std::vector<std::string>{"policy", "policy.data", "policy.copies",
                                                          "policy.expert_copies", "policy.tensor",
                                                          "policy.experts", "policy.context"}));
  auto sum = at::ones({1}, at::TensorOptions().device(gpu.device()));
  groups.data("policy").all_reduce(sum, parallel::ReduceOp::Sum, "test").wait();
  EXPECT_EQ(sum.item<float>(), static_cast<float>(world.size()));
}

}  // namespace
}  // namespace r1::mpi
