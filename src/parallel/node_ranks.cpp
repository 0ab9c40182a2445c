#include "parallel/node_ranks.h"

#include <algorithm>
#include <set>

namespace r1::parallel {

int ranks_on_each_node(std::span<const int> nodes) {
  const auto other =
      std::find_if(nodes.begin(), nodes.end(), [&](auto node) { return node != nodes.front(); });
  const auto size = std::distance(nodes.begin(), other);
  const auto num_ranks = static_cast<std::ptrdiff_t>(nodes.size());
  if (other == nodes.end() || num_ranks % size != 0) return 1;
  std::set<int> seen;
  for (std::ptrdiff_t begin = 0; begin < num_ranks; begin += size) {
    const auto of_node =
        nodes.subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(size));
    const bool together = std::all_of(of_node.begin(), of_node.end(),
                                      [&](auto node) { return node == of_node.front(); });
    if (!together || !seen.insert(of_node.front()).second) return 1;
  }
  return static_cast<int>(size);
}

}  // namespace r1::parallel
