#include "mpi/role_groups.h"

#include <algorithm>
#include <utility>

#include "base/errors.h"
#include "parallel/local_communicator.h"

namespace r1::mpi {

namespace {

/// Groups of a role by the mesh axes in which their ranks differ.
std::vector<std::pair<std::string, std::vector<std::string>>> groups_of_a_role() {
  std::vector<std::pair<std::string, std::vector<std::string>>> groups{
      {"data", {"dp", "ep"}},
      {"copies", parallel::kCopyMeshAxes},
      {"expert_copies", parallel::kExpertCopyMeshAxes}};
  for (const auto& axis : parallel::kModelAxes) groups.emplace_back(axis.name, axis.mesh_axes);
  return groups;
}

}  // namespace

RoleGroups::RoleGroups(MpiCommunicator& world, RoleLayout layout, const BackendRequest& request)
    : world_(world), layout_(std::move(layout)), backend_(world, request) {
  R1_CHECK(layout_.world_size() == world_.size(), "layout of {} ranks in a world of {}",
           layout_.world_size(), world_.size());
  // A role's communicator holds the ranks of all its axes, so all ranks find the same problem here.
  for (const auto& role : layout_.roles()) backend_.require("role " + role.name, role.ranks);
  for (const auto& role : layout_.roles()) {
    const bool member = is_in(role.name);
    const int rank = member ? place(role.name).rank : 0;
    groups_[role.name] = make(role.name, member ? 0 : -1, rank, role.mesh.size());
    for (const auto& [name, axes] : groups_of_a_role()) {
      const int colour = member ? role.mesh.group_index(rank, axes) : -1;
      const auto size = static_cast<int>(role.mesh.group(rank, axes).size());
      groups_[role.name + "." + name] = make(role.name + "." + name, colour, rank, size);
    }
    divide_experts_by_nodes(role);
  }
}

void RoleGroups::divide_experts_by_nodes(const RoleAssignment& role) {
  const auto& axes = parallel::traits(parallel::ModelAxis::Experts).mesh_axes;
  const auto& node_of_rank = layout_.node_of_rank();
  if (node_of_rank.empty()) return;
  int within = 0;
  for (int rank = 0; rank < role.mesh.size(); ++rank) {
    std::vector<int> nodes;
    for (const int other : role.mesh.group(rank, axes))
      nodes.push_back(
          node_of_rank[static_cast<std::size_t>(role.ranks[static_cast<std::size_t>(other)])]);
    const int of_group = parallel::ranks_on_each_node(nodes);
    if (of_group == 1 || (within != 0 && of_group != within)) return;
    within = of_group;
  }
  const bool member = is_in(role.name);
  const int rank = member ? place(role.name).rank : 0;
  const auto group = role.mesh.group(rank, axes);
  const auto size = static_cast<int>(group.size()), num_nodes = size / within;
  const auto number = static_cast<int>(std::find(group.begin(), group.end(), rank) - group.begin());
  const int index = role.mesh.group_index(rank, axes);
  const auto add = [&](const char* name, int colour, int ranks) {
    const auto whole = role.name + "." + name;
    groups_[whole] = make(whole, member ? colour : -1, rank, ranks);
  };
  add(kWithinNode, index * num_nodes + number / within, within);
  add(kAcrossNodes, index * within + number % within, num_nodes);
}

std::unique_ptr<parallel::Communicator> RoleGroups::make(const std::string& name, int colour,
                                                         int key, int group_size) {
  if (group_size == 1 && !backend_.joins_single_ranks())
    return colour < 0 ? nullptr : std::make_unique<parallel::LocalCommunicator>();
  auto group = world_.split(colour, key, name, Patience::Collective);
  if (group && backend_.is_nccl(group->world_ranks())) over_nccl_.push_back(name);
  return backend_.build(std::move(group));
}

parallel::Communicator& RoleGroups::role(const std::string& name) {
  const auto found = groups_.find(name);
  if (found == groups_.end() || !found->second)
    throw base::InternalError(fmt::format(
        "rank {} asks for the communicator of role '{}' and is not in it", world_.rank(), name));
  return *found->second;
}

parallel::Communicator& RoleGroups::group(const std::string& role, const std::string& name) {
  return this->role(role + "." + name);
}

RolePlace RoleGroups::place(const std::string& role) const {
  for (auto& place : layout_.places(world_.rank()))
    if (place.role == role) return place;
  throw base::InternalError(fmt::format("rank {} has no place in role '{}'", world_.rank(), role));
}

}  // namespace r1::mpi
