#include "parallel/mesh.h"

#include <gtest/gtest.h>

#include <string>

#include "base/errors.h"

namespace r1::parallel {
namespace {

std::string config_error_of(const std::vector<Axis>& axes, int num_ranks) {
  try {
    Mesh::fit(axes, num_ranks, "roles.policy");
  } catch (const base::ConfigError& error) {
    return error.what();
  }
  return {};
}

TEST(Mesh, LastAxisVariesFastest) {
  const Mesh mesh({{"dp", 2}, {"ep", 3}, {"tp", 2}});
  EXPECT_EQ(mesh.size(), 12);
  EXPECT_EQ(mesh.coordinates(0), (std::vector<int>{0, 0, 0}));
  EXPECT_EQ(mesh.coordinates(1), (std::vector<int>{0, 0, 1}));
  EXPECT_EQ(mesh.coordinates(7), (std::vector<int>{1, 0, 1}));
  EXPECT_EQ(mesh.coordinate(7, "tp"), 1);
  EXPECT_EQ(mesh.coordinate(7, "absent"), 0);
}

TEST(Mesh, RankIsTheInverseOfCoordinates) {
  const Mesh mesh({{"dp", 3}, {"tp", 4}});
  for (int rank = 0; rank < mesh.size(); ++rank) EXPECT_EQ(mesh.rank(mesh.coordinates(rank)), rank);
}

TEST(Mesh, GroupsAreLinesAndPlanes) {
  const Mesh mesh({{"dp", 2}, {"ep", 2}, {"tp", 2}});
  EXPECT_EQ(mesh.group(5, {"tp"}), (std::vector<int>{4, 5}));
  EXPECT_EQ(mesh.group(5, {"dp"}), (std::vector<int>{1, 5}));
  EXPECT_EQ(mesh.group(5, {"dp", "ep"}), (std::vector<int>{1, 3, 5, 7}));
  EXPECT_EQ(mesh.group(5, {}), (std::vector<int>{5}));
  EXPECT_EQ(mesh.group_index(5, {"tp"}), 2);
}

TEST(Mesh, FitFillsTheOpenAxis) {
  const auto mesh = Mesh::fit({{"dp", -1}, {"tp", 2}}, 6, "roles.policy");
  EXPECT_EQ(mesh.size("dp"), 3);
  EXPECT_EQ(mesh.describe(), "dp 3 x tp 2");
  EXPECT_EQ(Mesh::fit({}, 5, "roles.policy").describe(), "dp 5");
}

TEST(Mesh, WithoutAxesIsOneRank) {
  const Mesh mesh;
  EXPECT_EQ(mesh.size(), 1);
  EXPECT_EQ(mesh.group(0, {"tp"}), (std::vector<int>{0}));
}

TEST(Mesh, MisfitNamesKeyExpectedAndFound) {
  EXPECT_EQ(config_error_of({{"dp", -1}, {"tp", 4}}, 6),
            "roles.policy: mesh dp auto x tp 4 needs a multiple of 4 ranks, found 6");
  EXPECT_EQ(config_error_of({{"dp", 2}, {"tp", 2}}, 3),
            "roles.policy: mesh dp 2 x tp 2 needs 4 ranks, found 3");
}

TEST(Mesh, BadAxesAreConfigErrors) {
  EXPECT_NE(config_error_of({{"dp", 0}}, 1), "");
  EXPECT_NE(config_error_of({{"dp", -1}, {"tp", -1}}, 4), "");
  EXPECT_NE(config_error_of({{"dp", 2}, {"dp", 2}}, 4), "");
  EXPECT_NE(config_error_of({{"", 4}}, 4), "");
  EXPECT_NE(config_error_of({{"dp", 100000}, {"tp", 100000}, {"ep", 100000}}, 4), "");
}

}  // namespace
}  // namespace r1::parallel
