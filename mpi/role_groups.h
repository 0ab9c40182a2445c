#pragma once
// The communicators of a role layout: per role, and per role and axis of its work.
#include <map>
#include <memory>
#include <string>
#include <vector>

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
  /// Makes all of them, in the same order on every rank, over MPI or NCCL as `request` says. Groups
  /// of one rank are local (they cost nothing) unless NCCL was asked for by name. `world` must
  /// outlive this. Collective over: world. Throws: ConfigError (the same on all ranks) when NCCL
  /// was asked for and cannot be had.
  RoleGroups(MpiCommunicator& world, RoleLayout layout, const BackendRequest& request = {});

  const RoleLayout& layout() const { return layout_; }
  MpiCommunicator& world() { return world_; }
  /// Whether this rank is in the role.
  bool is_in(const std::string& role) const { return layout_.is_in(world_.rank(), role); }
  /// The role's ranks, ordered as in the layout. Throws: InternalError when this rank is not in it.
  parallel::Communicator& role(const std::string& name);
  /// Ranks with the same part of the model and other samples; rank in it = number of the replica.
  parallel::Communicator& data(const std::string& role) { return group(role, "data"); }
  /// Those of them that hold the same experts.
  parallel::Communicator& expert_data(const std::string& role) {
    return group(role, "expert_data");
  }
  /// The axes on which this rank's model of the role is split.
  parallel::ModelAxes model_axes(const std::string& role) {
    parallel::ModelAxes axes;
    for (const auto& axis : parallel::kModelAxes) axes.set(axis.axis, group(role, axis.name));
    return axes;
  }
  /// This rank's place in a role.
  RolePlace place(const std::string& role) const;
  /// Names of this rank's communicators that are NCCL's ("policy", "policy.tensor"), for the log.
  const std::vector<std::string>& over_nccl() const { return over_nccl_; }

 private:
  parallel::Communicator& group(const std::string& role, const std::string& name);
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
