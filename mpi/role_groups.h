#pragma once
// The communicators of a role layout: one per role, and one per role and axis.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/model.h"
#include "mpi/communication_backend.h"
#include "mpi/communicator.h"
#include "parallel/model_axes.h"
#include "parallel/role_layout.h"

namespace r1::mpi {

using parallel::kPolicy;
using parallel::kPolicyGenerate;
using parallel::RoleAssignment;
using parallel::RoleLayout;
using parallel::RolePlace;

class RoleGroups {
 public:
  /// Makes all communicators, in the same order on every rank, over MPI or NCCL as `request`
  /// selects. Groups of one rank are local unless NCCL is requested by name. `world` must outlive
  /// this object. Collective over: world. Throws: ConfigError (equal on all ranks) if NCCL is
  /// requested but not possible.
  RoleGroups(MpiCommunicator& world, RoleLayout layout, const BackendRequest& request = {});

  const RoleLayout& layout() const { return layout_; }
  MpiCommunicator& world() { return world_; }
  /// Whether this rank belongs to the role.
  bool is_in(const std::string& role) const { return layout_.is_in(world_.rank(), role); }
  /// The ranks of the role in the order of the layout. Throws: InternalError if this rank is not
  /// one of them.
  parallel::Communicator& role(const std::string& name);
  /// The ranks with the same part of the model and different samples (data-parallel group). The
  /// rank in the group is the index of the replica.
  parallel::Communicator& data(const std::string& role) { return group(role, "data"); }
  /// The ranks that hold the same part of the weights: those of data(role), and for each the ranks
  /// of its context axis.
  parallel::Communicator& copies(const std::string& role) { return group(role, "copies"); }
  /// The ranks of copies(role) that hold the same experts.
  parallel::Communicator& expert_copies(const std::string& role) {
    return group(role, "expert_copies");
  }
  models::WeightCopies weight_copies(const std::string& role) {
    return {&copies(role), &expert_copies(role)};
  }
  /// The axes over which this rank's model of the role is split.
  parallel::ModelAxes model_axes(const std::string& role) {
    parallel::ModelAxes axes;
    for (const auto& axis : parallel::kModelAxes) axes.set(axis.axis, group(role, axis.name));
    if (groups_.count(role + "." + kWithinNode) > 0)
      axes.set_expert_nodes(group(role, kWithinNode), group(role, kAcrossNodes));
    return axes;
  }
  /// A new communicator of some ranks of the world, in this order, over MPI or NCCL. Collective
  /// over: `ranks`, of which this rank is one.
  std::unique_ptr<parallel::Communicator> connect(const std::string& name,
                                                  const std::vector<int>& ranks) {
    return backend_.build(world_.among(ranks, name, Patience::Collective));
  }
  /// The device whose tensors travel without a copy to the host where a communicator is NCCL's.
  at::Device device() const { return backend_.device(); }
  /// The place of this rank in a role.
  RolePlace place(const std::string& role) const;
  /// Names of this rank's NCCL communicators ("policy", "policy.tensor"), for the log.
  const std::vector<std::string>& over_nccl() const { return over_nccl_; }

 private:
  static constexpr const char* kWithinNode = "experts_within_node";
  static constexpr const char* kAcrossNodes = "experts_across_nodes";

  parallel::Communicator& group(const std::string& role, const std::string& name);
  /// Divides the expert axis of a role by nodes, if every group of the axis has equally many
  /// neighbours on each of several nodes.
  void divide_experts_by_nodes(const RoleAssignment& role);
  std::unique_ptr<parallel::Communicator> make(const std::string& name, int colour, int key,
                                               int group_size);

  MpiCommunicator& world_;
  RoleLayout layout_;
  CommunicationBackend backend_;
  std::vector<std::string> over_nccl_;
  std::map<std::string, std::unique_ptr<parallel::Communicator>>
      groups_;  // "policy", "policy.tensor"
};

}  // namespace r1::mpi
