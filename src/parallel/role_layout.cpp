#include "parallel/role_layout.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

#include "base/errors.h"
#include "parallel/model_axes.h"

namespace r1::parallel {
namespace {

std::string ranks_key(const std::string& role) {
  return "roles." + role + ".ranks";
}

[[noreturn]] void throw_problems(const base::Problems& problems) {
  std::string text;
  for (const auto& problem : problems.list())
    text += fmt::format("{}{}: {}", text.empty() ? "" : "\n", problem.key, problem.message);
  throw base::ConfigError(text);
}

const RoleRequest* find(const std::vector<RoleRequest>& requests, const std::string& name) {
  for (const auto& request : requests)
    if (request.name == name) return &request;
  return nullptr;
}

// The role on whose ranks `request` lives: itself, or the end of its chain of share_with.
const RoleRequest* owner(const std::vector<RoleRequest>& requests, const RoleRequest& request) {
  const RoleRequest* role = &request;
  for (std::size_t step = 0; step <= requests.size(); ++step) {
    if (role->share_with.empty()) return role;
    role = find(requests, role->share_with);
    if (role == nullptr) return nullptr;
  }
  return nullptr;
}

void check_requests(const std::vector<RoleRequest>& requests, base::Problems& problems) {
  problems.require(find(requests, kPolicy) != nullptr, "roles", "expected a role 'policy'");
  std::set<std::string> names;
  for (const auto& request : requests) {
    problems.require(names.insert(request.name).second, "roles." + request.name,
                     "is requested twice");
    problems.require(request.ranks == -1 || request.ranks >= 1, ranks_key(request.name),
                     fmt::format("expected -1 (auto) or at least 1, found {}", request.ranks));
    const auto key = "roles." + request.name + ".share_with";
    if (request.share_with.empty()) continue;
    const auto* host = owner(requests, request);
    if (find(requests, request.share_with) == nullptr)
      problems.add(key,
                   fmt::format("expected a role of this stage, found '{}'", request.share_with));
    else if (host == nullptr)
      problems.add(key, "roles share in a circle, or with a role that does not exist");
  }
}

// Ranks of each role that has its own.
using Counts = std::map<std::string, int>;

Counts count_ranks(const std::vector<RoleRequest>& requests, int world_size, bool allow_idle,
                   base::Problems& problems) {
  Counts counts;
  int others = 0;
  for (const auto& request : requests) {
    if (!request.share_with.empty() || request.name == kPolicy) continue;
    counts[request.name] = request.ranks == -1 ? 1 : request.ranks;
    others += counts[request.name];
  }
  const auto* policy = owner(requests, *find(requests, kPolicy));
  int rest = 0;
  if (policy->name == kPolicy) {
    rest = policy->ranks == -1 ? std::max(1, world_size - others) : policy->ranks;
    counts[kPolicy] = rest;
  }
  const int used = others + rest;
  if (used > world_size) {
    std::string list;
    for (const auto& [name, count] : counts)
      list += fmt::format("{}{} {}", list.empty() ? "" : ", ", name, count);
    problems.add("roles", fmt::format("expected at most {} ranks (the world), found {} ({}); give "
                                      "fewer (roles.<name>.ranks) or share them "
                                      "(roles.<name>.share_with = \"policy\")",
                                      world_size, used, list));
  } else if (used < world_size && !allow_idle) {
    problems.add(
        ranks_key(kPolicy),
        fmt::format("expected roles on all {} ranks of the world, found {} ranks used; set "
                    "it to {} or start fewer ranks",
                    world_size, used, world_size - used + rest));
  }
  return counts;
}

// Where a rank for each role that is on auto leaves none for the policy, those roles share its
// ranks.
std::vector<RoleRequest> share_few_ranks(std::vector<RoleRequest> requests, int world_size) {
  const auto is_automatic = [](const RoleRequest& request) {
    return request.name != kPolicy && request.share_with.empty() && request.ranks == -1;
  };
  int needed = 0;
  for (const auto& request : requests)
    if (request.share_with.empty()) needed += std::max(1, request.ranks);
  if (needed <= world_size) return requests;
  for (auto& request : requests)
    if (is_automatic(request)) request.share_with = kPolicy;
  return requests;
}

// World ranks with those of one node side by side, nodes in the order of their first rank.
std::vector<int> ranks_by_node(int world_size, const std::vector<int>& node_of_rank) {
  std::vector<int> order(static_cast<std::size_t>(world_size));
  std::iota(order.begin(), order.end(), 0);
  if (!node_of_rank.empty())
    std::stable_sort(order.begin(), order.end(), [&](int a, int b) {
      return node_of_rank[static_cast<std::size_t>(a)] < node_of_rank[static_cast<std::size_t>(b)];
    });
  return order;
}

std::map<std::string, std::vector<int>> place(const std::vector<RoleRequest>& requests,
                                              const Counts& counts, const std::vector<int>& order) {
  std::map<std::string, std::vector<int>> ranks;
  auto next = order.begin();
  const auto take = [&](const std::string& name) {
    const auto end = next + counts.at(name);
    ranks[name].assign(next, end);
    next = end;
  };
  if (counts.count(kPolicy) > 0) take(kPolicy);
  for (const auto& request : requests)
    if (request.name != kPolicy && counts.count(request.name) > 0) take(request.name);
  return ranks;
}

std::string describe_ranks(const std::vector<int>& ranks) {
  std::string text;
  for (std::size_t begin = 0; begin < ranks.size();) {
    std::size_t end = begin + 1;
    while (end < ranks.size() && ranks[end] == ranks[end - 1] + 1) ++end;
    text += fmt::format("{}{}", text.empty() ? "" : "+", ranks[begin]);
    if (end - begin > 1) text += fmt::format("..{}", ranks[end - 1]);
    begin = end;
  }
  return text;
}

}  // namespace

int RoleAssignment::num_replicas() const {
  return mesh.size() / static_cast<int>(mesh.group(0, kReplicaMeshAxes).size());
}

std::vector<std::vector<int>> RoleAssignment::replicas() const {
  std::vector<std::vector<int>> all(static_cast<std::size_t>(num_replicas()));
  for (int rank = 0; rank < mesh.size(); ++rank)
    all[static_cast<std::size_t>(mesh.group_index(rank, kReplicaMeshAxes))].push_back(
        ranks[static_cast<std::size_t>(rank)]);
  return all;
}

std::vector<int> RoleAssignment::replica(int index) const {
  return replicas()[static_cast<std::size_t>(index)];
}

bool hold_the_same_parts(const RoleAssignment& a, const RoleAssignment& b) {
  return a.ranks == b.ranks &&
         std::all_of(kModelAxes.begin(), kModelAxes.end(), [&](const ModelAxisTraits& axis) {
           return !axis.splits_weights ||
                  a.mesh.group(0, axis.mesh_axes) == b.mesh.group(0, axis.mesh_axes);
         });
}

RoleLayout::RoleLayout(const std::vector<RoleRequest>& given, int world_size,
                       const std::vector<int>& node_of_rank, bool allow_idle_ranks)
    : world_size_(world_size), node_of_rank_(node_of_rank) {
  R1_CHECK(node_of_rank.empty() || static_cast<int>(node_of_rank.size()) == world_size,
           "{} nodes for {} ranks", node_of_rank.size(), world_size);
  const auto requests = share_few_ranks(given, world_size);
  base::Problems problems;
  check_requests(requests, problems);
  if (!problems.empty()) throw_problems(problems);
  const auto counts = count_ranks(requests, world_size, allow_idle_ranks, problems);
  if (!problems.empty()) throw_problems(problems);

  const auto ranks = place(requests, counts, ranks_by_node(world_size, node_of_rank));
  for (const auto& request : requests) {
    const auto& own = ranks.at(owner(requests, request)->name);
    const int count = static_cast<int>(own.size());
    const auto key = "roles." + request.name;
    problems.require(request.ranks == -1 || request.ranks == count, ranks_key(request.name),
                     fmt::format("expected {} (the ranks of '{}', which it shares), found {}",
                                 count, request.share_with, request.ranks));
    try {
      auto mesh = Mesh::fit(request.mesh, count, key);
      roles_.push_back({request.name, own, std::move(mesh)});
    } catch (const base::ConfigError& error) {
      problems.add(key, std::string(error.what()).substr(key.size() + 2));  // "key: message"
    }
  }
  if (!problems.empty()) throw_problems(problems);
  if (!node_of_rank_.empty()) warn_about_nodes();
}

void RoleLayout::warn_about_nodes() {
  const auto node = [&](int rank) { return node_of_rank_[static_cast<std::size_t>(rank)]; };
  for (const auto& role : roles_) {
    std::set<int> groups, spanning;
    for (int rank = 0; rank < role.mesh.size(); ++rank) {
      const auto ranks = role.mesh.group(rank, {"tp"});
      const auto node_of = [&](int member) {
        return node(role.ranks[static_cast<std::size_t>(member)]);
      };
      groups.insert(ranks.front());
      if (node_of(rank) != node_of(ranks.front())) spanning.insert(ranks.front());
    }
    if (!spanning.empty())
      warnings_.push_back(fmt::format(
          "roles.{}: {} of {} tp groups span several nodes, which makes every layer wait for the "
          "network",
          role.name, spanning.size(), groups.size()));
  }
}

bool RoleLayout::has(const std::string& role) const {
  return std::any_of(roles_.begin(), roles_.end(), [&](const auto& r) { return r.name == role; });
}

const RoleAssignment& RoleLayout::role(const std::string& name) const {
  for (const auto& role : roles_)
    if (role.name == name) return role;
  throw base::InternalError(fmt::format("role '{}' is not in this layout", name));
}

bool RoleLayout::is_in(int world_rank, const std::string& name) const {
  if (!has(name)) return false;
  const auto& ranks = role(name).ranks;
  return std::find(ranks.begin(), ranks.end(), world_rank) != ranks.end();
}

bool RoleLayout::generates_apart() const {
  return has(kPolicyGenerate) && !is_in(role(kPolicyGenerate).ranks.front(), kPolicy);
}

bool RoleLayout::leads(int world_rank, const std::string& name) const {
  if (!has(name)) return false;
  const auto replicas = role(name).replicas();
  return std::any_of(replicas.begin(), replicas.end(),
                     [&](const auto& ranks) { return ranks.front() == world_rank; });
}

std::vector<RolePlace> RoleLayout::places(int world_rank) const {
  std::vector<RolePlace> result;
  for (const auto& role : roles_) {
    const auto position = std::find(role.ranks.begin(), role.ranks.end(), world_rank);
    if (position == role.ranks.end()) continue;
    const int rank = static_cast<int>(position - role.ranks.begin());
    result.push_back({role.name, rank, role.mesh.group_index(rank, kReplicaMeshAxes),
                      role.mesh.coordinates(rank)});
  }
  return result;
}

std::string RoleLayout::print() const {
  std::string text;
  const auto add = [&](const std::vector<int>& ranks, const std::string& what) {
    text += fmt::format("{}{} {}", text.empty() ? "rank " : ", ", describe_ranks(ranks), what);
  };
  for (const auto& role : roles_)
    add(role.ranks, fmt::format("{} ({})", role.name, role.mesh.describe()));
  std::vector<int> idle;
  for (int rank = 0; rank < world_size_; ++rank)
    if (places(rank).empty()) idle.push_back(rank);
  if (!idle.empty()) add(idle, "idle");
  return text;
}

}  // namespace r1::parallel
