#include "plan/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "config/stage_roles.h"
#include "models/model_size.h"
#include "plan/plan_memory.h"
#include "plan/plan_time.h"

namespace r1::plan {
namespace {

/// Node of each rank of the pretended world: consecutive ranks fill one after another.
std::vector<int> nodes(std::int64_t world, std::int64_t ranks_per_node) {
  std::vector<int> of_rank;
  for (std::int64_t rank = 0; rank < world; ++rank)
    of_rank.push_back(static_cast<int>(rank / ranks_per_node));
  return of_rank;
}

/// The layout that the stage would make; what it refuses is a misfit.
void place_roles(const Config& config, Plan& plan) {
  const auto roles = config::stage_roles(config, plan.stage);
  if (roles.empty()) return;
  try {
    const parallel::RoleLayout layout(config::role_requests(config, plan.stage, roles),
                                      static_cast<int>(plan.world_size),
                                      nodes(plan.world_size, config.plan.gpus_per_node), true);
    for (const parallel::RoleAssignment& role : layout.roles())
      plan.roles.push_back({role.name,
                            role.ranks.front(),
                            role.mesh.size(),
                            role.mesh.size("tp"),
                            role.mesh.size("ep"),
                            role.mesh.size("cp"),
                            role.mesh.size("dp"),
                            0.0,
                            false,
                            {}});
    for (const std::string& warning : layout.warnings()) plan.notes.push_back(warning);
  } catch (const base::ConfigError& error) {
    plan.misfits.emplace_back(error.what());
  }
}

using Sums = std::map<std::string, double>;  // kind -> bytes

double total(const Sums& sums) {
  double bytes = 0.0;
  for (const auto& sum : sums) bytes += sum.second;
  return bytes;
}

/// What a rank holds always, and in that phase of one of its roles in which it holds most. Kinds of
/// other roles than the policy go by the role's name.
Sums sums_at_peak(const Plan& plan, std::int64_t rank, bool on_host) {
  Sums always;
  std::map<std::string, Sums> phases;
  for (const MemoryItem& item : plan.program)
    if (item.on_host == on_host) always[item.kind] += item.bytes;
  for (const RolePlan& role : plan.roles)
    for (const MemoryItem& item : role.memory) {
      if (!role.is_on(rank) || item.on_host != on_host) continue;
      const auto kind = role.role == parallel::kPolicy ? item.kind : role.role + "'s " + item.kind;
      (item.phase.empty() ? always : phases[role.role + " " + item.phase])[kind] += item.bytes;
    }
  const auto largest = std::max_element(
      phases.begin(), phases.end(),
      [](const auto& a, const auto& b) { return total(a.second) < total(b.second); });
  if (largest != phases.end())
    for (const auto& [kind, bytes] : largest->second) always[kind] += bytes;
  return always;
}

/// Bytes that a rank's device holds whatever it does.
double always_held(const Plan& plan, std::int64_t rank) {
  double bytes = 0.0;
  const auto add = [&bytes](const std::vector<MemoryItem>& memory) {
    for (const MemoryItem& item : memory)
      if (item.phase.empty() && !item.on_host) bytes += item.bytes;
  };
  add(plan.program);
  for (const RolePlan& role : plan.roles)
    if (role.is_on(rank)) add(role.memory);
  return bytes;
}

/// The largest parts of a rank's memory: "weights 1342.1 GB, …".
std::string largest_parts(const Plan& plan, std::int64_t rank, bool on_host) {
  const Sums sums = sums_at_peak(plan, rank, on_host);
  std::vector<std::pair<std::string, double>> parts(sums.begin(), sums.end());
  std::sort(parts.begin(), parts.end(),
            [](const auto& a, const auto& b) { return a.second > b.second; });
  std::string text;
  for (std::size_t i = 0; i < std::min<std::size_t>(3, parts.size()); ++i)
    text +=
        fmt::format("{}{} {:.1f} GB", i == 0 ? "" : ", ", parts[i].first, parts[i].second / 1e9);
  return text;
}

/// What all ranks hold together, against what they have.
std::string whole_model_sentence(const Config& config, const Plan& plan) {
  const double weights =
      count_parameters(config.model.shape).total() * bytes_of(config.model.dtype);
  const double there = plan.machine.memory() * static_cast<double>(plan.world_size);
  if (config.model.shape.empty() || weights <= there) return "";
  return fmt::format(
      "the model's weights alone are {:.2f} TB in {}, the {} ranks have {:.2f} TB together",
      weights / 1e12, config.model.dtype == "auto" ? "bf16" : config.model.dtype, plan.world_size,
      there / 1e12);
}

void find_misfits(const Config& config, Plan& plan) {
  const std::string whole = whole_model_sentence(config, plan);
  if (!whole.empty()) plan.misfits.push_back(whole);
  for (const bool on_host : {false, true}) {
    const double there = on_host ? plan.machine.host_memory() : plan.machine.memory();
    if (on_host && !plan.machine.has_gpu()) continue;
    for (const RolePlan& role : plan.roles) {
      const double bytes = plan.bytes_on_rank(role.first_rank, on_host);
      const bool first_here =
          std::none_of(plan.roles.begin(), plan.roles.end(), [&role](const RolePlan& other) {
            return &other < &role && other.is_on(role.first_rank);
          });
      if (bytes <= there || !first_here) continue;
      plan.misfits.push_back(fmt::format(
          "{}: a rank needs {:.1f} GB of the {:.0f} GB of {}{}; the largest parts are {}",
          role.role, bytes / 1e9, there / 1e9, on_host ? "host memory beside " : "",
          plan.machine.name, largest_parts(plan, role.first_rank, on_host)));
    }
  }
}

/// Students run one after another: the largest says what is needed.
Config with_largest_student(Config config) {
  for (const config::StudentOptions& student : config.distill.students)
    if (count_parameters(student.shape).total() > count_parameters(config.model.shape).total())
      config.model.shape = student.shape;
  return config;
}

/// The configuration with the model that the stage computes.
Config planned_model(const Config& asked, Stage stage) {
  Config config = stage == Stage::Distill ? with_largest_student(asked) : asked;
  if (config::traits(stage).trains) config.model.shape.lora = config.model.lora;
  return config;
}

/// As the roles decide (mpi/roles): a teacher on the policy's ranks holds its weights whole.
bool shares_out_weights(const Config& config, const Plan& plan, const RolePlan& role) {
  if (!config.trainer.shares_out_weights() || role.copies() == 1) return false;
  const RolePlan* policy = plan.find(parallel::kPolicy);
  if (role.role == "teacher") return policy == nullptr || !policy->is_on(role.first_rank);
  return role.role == "reference" ||
         (role.role == parallel::kPolicy && config::traits(plan.stage).trains);
}

void note_idle_ranks(Plan& plan) {
  std::int64_t used = 0;
  for (const RolePlan& role : plan.roles) used = std::max(used, role.first_rank + role.num_ranks);
  if (!plan.roles.empty() && used < plan.world_size)
    plan.notes.push_back(
        fmt::format("{} of {} ranks are idle", plan.world_size - used, plan.world_size));
}

}  // namespace

const RolePlan* Plan::find(const std::string& role) const {
  for (const RolePlan& candidate : roles)
    if (candidate.role == role) return &candidate;
  return nullptr;
}

double Plan::bytes_on_rank(std::int64_t rank, bool on_host) const {
  return total(sums_at_peak(*this, rank, on_host));
}

double Plan::most_bytes(bool on_host) const {
  double most = 0.0;
  for (const RolePlan& role : roles) most = std::max(most, bytes_on_rank(role.first_rank, on_host));
  return most;
}

Plan make_memory_plan(const Config& asked, Stage stage, std::int64_t world_size) {
  const Config config = planned_model(asked, stage);
  Plan plan;
  plan.stage = stage;
  plan.world_size = world_size;
  plan.machine = find_machine(config.plan, config.run.device);
  plan.program = program_memory(plan.machine);
  place_roles(config, plan);
  for (RolePlan& role : plan.roles)
    role.shares_out_weights = shares_out_weights(config, plan, role);
  for (RolePlan& role : plan.roles)
    add_role_memory(config, stage, plan.machine.has_gpu(), plan.find(parallel::kPolicy), role,
                    plan.notes);
  std::vector<std::string> no_room;
  for (RolePlan& role : plan.roles)
    add_generation_memory(config, stage, plan.machine.has_gpu(),
                          config.engine.gpu_memory_utilization * plan.machine.memory() -
                              always_held(plan, role.first_rank),
                          role, no_room);
  find_misfits(config, plan);
  if (plan.misfits.empty()) plan.misfits = std::move(no_room);
  note_idle_ranks(plan);
  if (stage == Stage::Rl && config.rl.staleness > 0 && config.roles.generate_ranks > 0)
    plan.notes.push_back(
        "rl.staleness: samples are drawn and scored while the update runs, so that a step takes "
        "the longer of the two rather than the sum below");
  return plan;
}

Plan make_plan(const Config& asked, Stage stage, std::int64_t world_size) {
  Plan plan = make_memory_plan(asked, stage, world_size);
  const Config config = planned_model(asked, stage);
  plan.time = estimate_step_time(config, plan);
  plan.outside = estimate_outside_time(config, plan);
  return plan;
}

}  // namespace r1::plan
