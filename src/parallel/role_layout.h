#pragma once
// Which rank does what: role requests + world size + node map -> roles, replica and mesh
// coordinates of each rank. Pure arithmetic, the same on every rank; role_groups makes the
// communicators.
#include <string>
#include <vector>

#include "parallel/mesh.h"

namespace r1::parallel {

/// What the configuration asks for a role ([roles.<name>]). Only roles that the stage uses are
/// requested.
struct RoleRequest {
  std::string name;
  int ranks = -1;               // -1: auto
  std::string share_with = {};  // lives on that role's ranks; empty: on its own
  std::vector<Axis> mesh = {};  // empty: one axis "dp"; one size may be -1 (the rest)
};

/// A role and where it lives.
struct RoleAssignment {
  std::string name;
  std::vector<int> ranks;  // world ranks; position = rank in the role
  Mesh mesh;               // over the positions

  /// A replica is a copy of the model as the data sees it: ranks that differ in kReplicaMeshAxes
  /// alone (model_axes.h) and work on the same samples. (Replicas may share experts.)
  int num_replicas() const;
  /// World ranks of a replica; the first is its leader, which speaks for it.
  std::vector<int> replica(int index) const;
  std::vector<std::vector<int>> replicas() const;
};

/// A rank's part in a role.
struct RolePlace {
  std::string role;
  int rank = 0;                  // in the role
  int replica = 0;               // number of its replica
  std::vector<int> coordinates;  // one per axis of the role's mesh
};

/// Name of the role that gets the ranks that are left.
inline constexpr const char* kPolicy = "policy";
/// Name of the policy's generation layout among the roles, where it differs from the trainer's, or
/// holds weights of its own.
inline constexpr const char* kPolicyGenerate = "policy.generate";

class RoleLayout {
 public:
  /// Rules: a role with share_with = X lives on X's ranks. Each role on auto has one rank and the
  /// policy the rest; where these are too many, the last ones share the policy's. The policy has
  /// the first ranks, then the others in the order of the requests. Ranks of one node stay together
  /// when `node_of_rank` (node number of each world rank; empty: one node) is not in blocks.
  /// Throws: ConfigError listing all problems, each with key, expected and found.
  RoleLayout(const std::vector<RoleRequest>& requests, int world_size,
             const std::vector<int>& node_of_rank = {}, bool allow_idle_ranks = false);

  int world_size() const { return world_size_; }
  const std::vector<RoleAssignment>& roles() const { return roles_; }
  bool has(const std::string& role) const;
  /// Throws: InternalError when there is no such role.
  const RoleAssignment& role(const std::string& name) const;
  /// Whether `world_rank` is in the role.
  bool is_in(int world_rank, const std::string& role) const;
  /// Whether the policy generates on ranks of its own (kPolicyGenerate), beside those that train.
  bool generates_apart() const;
  /// Whether `world_rank` leads a replica of the role.
  bool leads(int world_rank, const std::string& role) const;
  /// The roles of a rank in the order of the requests; empty: idle.
  std::vector<RolePlace> places(int world_rank) const;
  /// Groups of "tp" that span nodes are slow; one line each, for the log.
  const std::vector<std::string>& warnings() const { return warnings_; }

  /// "rank 0..1 policy (dp 2), 2 reference (dp 1), 3 idle".
  std::string print() const;

 private:
  void warn_about_nodes(const std::vector<int>& node_of_rank);

  int world_size_;
  std::vector<RoleAssignment> roles_;
  std::vector<std::string> warnings_;
};

/// The role whose replicas hold a step's samples from when they are drawn until they are scored.
inline const char* sampling_role(const RoleLayout& layout) {
  return layout.generates_apart() ? kPolicyGenerate : kPolicy;
}

}  // namespace r1::parallel
