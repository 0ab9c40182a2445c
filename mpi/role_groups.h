#pragma once
// The communicators of a role layout: per role, and per role and set of mesh axes.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "mpi/communicator.h"
#include "mpi/role_layout.h"
#include "parallel/communicator.h"

namespace r1::mpi {

class RoleGroups {
 public:
  /// Makes all of them, in the same order on every rank. Groups of one rank are local (they cost
  /// nothing). `world` must outlive this. Collective over: world.
  RoleGroups(MpiCommunicator& world, RoleLayout layout);

  const RoleLayout& layout() const { return layout_; }
  MpiCommunicator& world() { return world_; }
  /// Whether this rank is in the role.
  bool is_in(const std::string& role) const { return layout_.is_in(world_.rank(), role); }
  /// The role's ranks, ordered as in the layout. Throws: InternalError when this rank is not in it.
  parallel::Communicator& role(const std::string& name);
  /// The ranks of the role that differ from this one in `axis` alone ("dp", "tp", ...); local when
  /// the mesh has no such axis.
  parallel::Communicator& axis(const std::string& role, const std::string& axis);
  /// This rank's place in a role.
  RolePlace place(const std::string& role) const;

 private:
  std::unique_ptr<parallel::Communicator> make(const std::string& name, int colour, int key,
                                               int group_size);

  MpiCommunicator& world_;
  RoleLayout layout_;
  std::map<std::string, std::unique_ptr<parallel::Communicator>> groups_;  // "policy", "policy.tp"
  std::unique_ptr<parallel::Communicator> alone_;
};

}  // namespace r1::mpi
