#pragma once
// The ranks of an axis by the nodes on which they run, for exchanges that cross the network between
// nodes once for all ranks of a node.
#include <span>

#include "base/errors.h"
#include "parallel/communicator.h"

namespace r1::parallel {

/// `within`: the ranks of `all` on this rank's node. `across`: those with this rank's number within
/// their nodes, in the order of the nodes. Every node has equally many of the ranks, which are
/// neighbours in `all`. Without both, the nodes do not matter.
struct NodeRanks {
  // NOLINTNEXTLINE(google-explicit-constructor): ranks of whatever nodes
  NodeRanks(Communicator& ranks) : all(ranks) {}
  NodeRanks(Communicator& ranks, Communicator& ranks_within, Communicator& ranks_across)
      : all(ranks), within(&ranks_within), across(&ranks_across) {
    R1_CHECK(within->size() * across->size() == all.size(), "{} nodes of {} ranks in a group of {}",
             across->size(), within->size(), all.size());
  }

  bool several_nodes() const { return within != nullptr; }
  /// Ranks of a node; the nodes do not matter: 1.
  int num_within() const { return several_nodes() ? within->size() : 1; }

  Communicator& all;
  Communicator* within = nullptr;
  Communicator* across = nullptr;
};

/// The number of ranks on each node, from the ranks' nodes in rank order, if several nodes have
/// several ranks, equally many and neighbours; else 1.
int ranks_on_each_node(std::span<const int> nodes);

}  // namespace r1::parallel
