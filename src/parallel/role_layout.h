#pragma once
// The role layout: maps role requests, world size and node map to the roles, replica and mesh
// coordinates of each rank. Pure arithmetic with the same result on every rank; mpi/role_groups
// makes the communicators.
#include <string>
#include <vector>

#include "parallel/mesh.h"

namespace r1::parallel {

/// The configuration of a role ([roles.<name>]). Only roles that the stage uses are requested.
struct RoleRequest {
  std::string name;
  int ranks = -1;               // -1: auto
  std::string share_with = {};  // the role uses the ranks of that role; empty: ranks of its own
  std::vector<Axis> mesh = {};  // empty: one axis "dp"; one size may be -1 (the remaining ranks)
};

/// A role and the ranks that execute the role.
struct RoleAssignment {
  std::string name;
  std::vector<int> ranks;  // world ranks; the index is the rank in the role
  Mesh mesh;               // over the ranks in the role

  /// A replica is one copy of the model from the data's point of view: ranks that differ only in
  /// kReplicaMeshAxes (model_axes.h) and work on the same samples. Several replicas may share
  /// experts.
  int num_replicas() const;
  /// World ranks of a replica. The first rank is the leader, which communicates for the replica.
  std::vector<int> replica(int index) const;
  std::vector<std::vector<int>> replicas() const;
};

/// Whether both roles have the same ranks, and each rank holds the same part of the model's weights
/// in both.
bool hold_the_same_parts(const RoleAssignment& a, const RoleAssignment& b);

/// The place of a rank in a role.
struct RolePlace {
  std::string role;
  int rank = 0;                  // rank in the role
  int replica = 0;               // index of the rank's replica
  std::vector<int> coordinates;  // one per axis of the role's mesh
};

/// The role that receives the remaining ranks.
inline constexpr const char* kPolicy = "policy";
/// Role name of the policy's generation layout, if this layout differs from the trainer's layout or
/// holds its own weights.
inline constexpr const char* kPolicyGenerate = "policy.generate";

class RoleLayout {
 public:
  /// A role with share_with = X uses the ranks of X. Each automatic role gets one rank and
  /// the policy gets the remaining ranks; if no rank remains for the policy, the automatic roles
  /// share its ranks. The policy gets the first ranks; the other roles follow in the order of the
  /// requests. `node_of_rank` (node number of each world rank; empty: one node): the ranks of one
  /// node are kept together, even if node numbers are not contiguous over world ranks. Throws:
  /// ConfigError listing all problems, each with key, the expected and the found value.
  RoleLayout(const std::vector<RoleRequest>& requests, int world_size,
             const std::vector<int>& node_of_rank = {}, bool allow_idle_ranks = false);

  int world_size() const { return world_size_; }
  /// Node number of each world rank; empty: one node.
  const std::vector<int>& node_of_rank() const { return node_of_rank_; }
  const std::vector<RoleAssignment>& roles() const { return roles_; }
  bool has(const std::string& role) const;
  /// Throws: InternalError if there is no such role.
  const RoleAssignment& role(const std::string& name) const;
  /// Whether `world_rank` belongs to the role.
  bool is_in(int world_rank, const std::string& role) const;
  /// Whether the policy generates on the ranks of kPolicyGenerate instead of the training ranks.
  bool generates_apart() const;
  /// Whether `world_rank` is the leader of a replica of the role.
  bool leads(int world_rank, const std::string& role) const;
  /// The roles of a rank in the order of the requests; empty: the rank is idle.
  std::vector<RolePlace> places(int world_rank) const;
  /// Warnings for the log, one per "tp" group that spans several nodes and is therefore slow.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// Text for logs: "rank 0..1 policy (dp 2), 2 reference (dp 1), 3 idle".
  std::string print() const;

 private:
  void warn_about_nodes();

  int world_size_;
  std::vector<int> node_of_rank_;
  std::vector<RoleAssignment> roles_;
  std::vector<std::string> warnings_;
};

/// The role whose replicas hold the samples of a step from generation until scoring ends.
inline const char* sampling_role(const RoleLayout& layout) {
  return layout.generates_apart() ? kPolicyGenerate : kPolicy;
}

}  // namespace r1::parallel
