#include "commands/plan_table.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/plan.h"

namespace r1::mpi {
namespace {

constexpr const char* kGuideRows =
    "\nthe guide's own table (least, recommended, memory, time; its 1.5B-70B models)\n"
    "  RL 1          8 x A100 80 GB   16 x A100 80 GB   640 GB   7-14 days\n"
    "  RL 2          8 x A100 80 GB   16 x A100 80 GB   640 GB   3-7 days\n"
    "  SFT           4 x A100 80 GB    8 x A100 80 GB   320 GB   1-3 days\n"
    "  distillation  2 x A100 80 GB    4 x A100 80 GB   160 GB   12-24 hours\n";

void set_mesh(config::RoleOptions& role, std::int64_t tp, std::int64_t ep) {
  role.train.tp = role.generate.tp = tp;
  role.train.ep = role.generate.ep = ep;
  role.train.dp = role.generate.dp = 0;
}

/// The stage with another model, on shared ranks.
config::Config with_model(const PlannedStage& stage, const models::ModelShape& shape,
                          std::int64_t tp, std::int64_t ep) {
  auto config = stage.config;
  config.model.shape = shape;
  config.reference = {};  // a copy of the policy
  auto& roles = config.roles;
  for (auto* role : {&roles.policy, &roles.reference, &roles.reward, &roles.teacher}) {
    role->ranks = -1;
    if (role != &roles.policy) role->share_with = "policy";
    set_mesh(*role, tp, ep);
  }
  return config;
}

/// Splits to try, the simplest first: tp inside a node, experts over nodes.
std::vector<std::pair<std::int64_t, std::int64_t>> splits(const models::ModelShape& shape,
                                                          std::int64_t ranks) {
  std::vector<std::pair<std::int64_t, std::int64_t>> result;
  const std::int64_t most_experts = std::max<std::int64_t>(1, shape.experts.num_experts);
  for (std::int64_t ep = 1; ep <= std::min(ranks, most_experts); ep *= 2)
    for (std::int64_t tp = 1; tp * ep <= ranks && tp <= 8; tp *= 2)
      if (shape.num_attention_heads % tp == 0 && most_experts % ep == 0) result.push_back({tp, ep});
  return result;
}

std::string need_text(const Need& need) {
  if (need.ranks == 0) return fmt::format("{:>6} {:>7} {:>8} {:>9}", "none", "", "", "");
  const auto split =
      need.ep > 1 ? fmt::format("{}x{}", need.tp, need.ep) : fmt::format("{}", need.tp);
  const auto hours = need.hours > 0.0 ? fmt::format("{:.3g}", need.hours) : std::string("-");
  return fmt::format("{:>6} {:>7} {:>8.1f} {:>9}", need.ranks, split, need.bytes / 1e9, hours);
}

}  // namespace

Need find_need(const PlannedStage& stage, const models::ModelShape& shape, double share) {
  for (std::int64_t ranks = 1; ranks <= kMostRanks; ranks *= 2) {
    for (const auto& [tp, ep] : splits(shape, ranks)) {
      const auto plan = config::make_plan(with_model(stage, shape, tp, ep), stage.command, ranks);
      const double bytes = plan.bytes_on_rank(0);
      if (!plan.misfits.empty() || bytes > share * plan.machine.memory) continue;
      return {ranks, tp, ep, bytes, plan.time.steps * plan.time.seconds() / 3600.0};
    }
  }
  return {};
}

std::string plan_table(const std::vector<PlannedStage>& stages,
                       const std::vector<NamedShape>& models) {
  std::string out = fmt::format(
      "{:<16} {:<16} | {:>6} {:>7} {:>8} {:>9} | {:>6} {:>7} {:>8} {:>9} | {}\n", "stage", "model",
      "least", "tp(xep)", "GB/rank", "hours", "recom.", "tp(xep)", "GB/rank", "hours", "machine");
  for (const auto& stage : stages) {
    if (stage.command == "prepare") continue;  // runs no model
    for (const auto& model : models)
      out += fmt::format("{:<16} {:<16} | {} | {} | {}\n", stage.name, model.name,
                         need_text(find_need(stage, model.shape, 1.0)),
                         need_text(find_need(stage, model.shape, kComfortable)),
                         config::find_machine(stage.config.plan, stage.config.run.device).name);
  }
  out += fmt::format(
      "all roles share the ranks; recommended: at most {:.0f} % of a rank's memory; hours are "
      "estimates\n",
      100.0 * kComfortable);
  return out + kGuideRows;
}

}  // namespace r1::mpi
