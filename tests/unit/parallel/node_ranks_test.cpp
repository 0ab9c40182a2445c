#include "parallel/node_ranks.h"

#include <gtest/gtest.h>

#include <vector>

namespace r1::parallel {
namespace {

int ranks_on_each(const std::vector<int>& nodes) {
  return ranks_on_each_node(nodes);
}

TEST(NodeRanks, AreCountedWhereEachOfSeveralNodesHasAsManyNeighbours) {
  EXPECT_EQ(ranks_on_each({0, 0, 1, 1}), 2);
  EXPECT_EQ(ranks_on_each({5, 5, 5, 2, 2, 2, 9, 9, 9}), 3);
  for (const std::vector<int>& nodes : std::vector<std::vector<int>>{
           {0, 0, 0, 0}, {0}, {0, 1, 2}, {0, 0, 1}, {0, 0, 1, 2}, {0, 1, 0, 1}, {0, 0, 1, 1, 0, 0}})
    EXPECT_EQ(ranks_on_each(nodes), 1);
}

}  // namespace
}  // namespace r1::parallel
