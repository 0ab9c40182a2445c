#pragma once
// Partial rollouts: which groups a step trains on, when more groups are sampled at once than a step
// needs. Pure arithmetic on counts, equal on every rank.
//
// A group is open from its first sample's start until a step trains on it. Each batch brings as
// many groups as a step trains on, one for each place, and has a last step in which its groups are
// trained on: batch 0 of the window is due in this step, batch 1 in the next one, and so on. Until
// then a step takes what is finished first. So no sample gets older than from the step in which its
// batch begins to the one in which it is due. Reference: AReaL, arXiv 2505.24298, section 5.1 (the
// bound); Kimi k1.5, arXiv 2501.12599, section 2.6.2 (partial rollouts).
#include <cstdint>
#include <span>
#include <vector>

namespace r1::generation {

/// The batches of which groups may be open in a step: the group of batch b and place p has the
/// index b * batch_size + p.
struct GroupWindow {
  std::int64_t num_batches = 0;
  std::int64_t batch_size = 0;  // groups of a batch, and groups that a step trains on
  /// A group's class is place % num_classes. A rank that owns a class of the open groups owns the
  /// same class of the step's groups, so that no sample changes its owner.
  std::int64_t num_classes = 1;
  std::int64_t samples = 1;  // of a group

  std::int64_t size() const { return num_batches * batch_size; }
};

/// Which open group becomes group j of the step, for each j: an open group of the class of j, all
/// of whose samples are finished. The oldest batches come first. Empty: the groups that are
/// finished do not suffice, or those that are not would leave more groups to the next steps than
/// these can train on before the groups are due. `finished`: for each group of the window the
/// number of its finished samples; -1: the group is not open.
std::vector<std::int64_t> choose_groups(std::span<const std::int64_t> finished,
                                        const GroupWindow& window);

}  // namespace r1::generation
