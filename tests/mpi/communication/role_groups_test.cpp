// The communicators of a layout join the ranks that the layout says.
#include "mpi/role_groups.h"

#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include "base/errors.h"
#include "support/world.h"

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
  EXPECT_EQ(sum_over(*groups.model_axes("policy").tensor, world.rank()), tp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.data("policy"), world.rank()), dp_sum[world.rank()]);
  EXPECT_EQ(sum_over(groups.expert_data("policy"), world.rank()), dp_sum[world.rank()]);
  EXPECT_EQ(sum_over(*groups.model_axes("policy").experts, world.rank()), tp_sum[world.rank()]);
}

}  // namespace
}  // namespace r1::mpi
