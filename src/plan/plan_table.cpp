#include "plan/plan_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/stage_roles.h"
#include "models/model_size.h"
#include "plan/number_text.h"
#include "plan/plan_memory.h"
#include "plan/plan_search.h"

namespace r1::plan {
namespace {

constexpr const char* kGuideRows =
    "\nthe guide's own table (least, recommended, memory, time; its 1.5B-70B models)\n"
    "  RL 1          8 x A100 80 GB   16 x A100 80 GB   640 GB   7-14 days\n"
    "  RL 2          8 x A100 80 GB   16 x A100 80 GB   640 GB   3-7 days\n"
    "  SFT           4 x A100 80 GB    8 x A100 80 GB   320 GB   1-3 days\n"
    "  distillation  2 x A100 80 GB    4 x A100 80 GB   160 GB   12-24 hours\n";

/// The stage with another model, whose reference is a copy of it.
Config with_model(const PlannedStage& stage, const models::ModelShape& shape) {
  Config config = stage.config;
  config.model.shape = shape;
  config.reference = {};
  config.distill.students.clear();
  return config;
}

std::string split_text(const Plan& plan) {
  const RolePlan& policy = plan.roles.front();
  return fmt::format("{}x{}x{}", policy.dp, policy.ep, policy.tp);
}

double days(const StepTime& time) {
  return time.steps * time.seconds() / 86400.0;
}

double tokens_per_second_of_rank(const Plan& plan) {
  return plan.time.tokens / plan.time.seconds() / static_cast<double>(plan.world_size);
}

std::string need_text(const std::optional<Layout>& layout) {
  if (!layout) return fmt::format("{:>6} {:>9} {:>8} {:>9} {:>7}", "none", "", "", "", "");
  const Plan& plan = layout->plan;
  const double stage_days = days(plan.time);
  const std::string hours =
      stage_days > 0.0
          ? fmt::format("{:>9} {:>7}",
                        number_text(24.0 * stage_days * static_cast<double>(plan.world_size)),
                        number_text(stage_days))
          : fmt::format("{:>9} {:>7}", "-", "-");
  return fmt::format("{:>6} {:>9} {:>8.1f} {}", plan.world_size, split_text(plan),
                     plan.most_bytes() / 1e9, hours);
}

}  // namespace

double state_bytes(const Config& config, Stage stage) {
  const double parameters = count_parameters(config.model.shape).total();
  const double weight = bytes_of(config.model.dtype), master = bytes_of(config.model.master_dtype);
  if (!config::traits(stage).trains) return parameters * weight;
  double bytes = parameters * (2.0 * weight + 2.0 * master + (weight < master ? master : 0.0));
  for (const std::string& role : config::stage_roles(config, stage))
    for (const models::ModelOptions& model : models_of_role(config, stage, role))
      if (role != parallel::kPolicy && !model.shape.empty())
        bytes += weight * count_parameters(model.shape).total();
  return bytes;
}

std::int64_t ranks_by_capacity(double bytes, const Machine& machine) {
  return static_cast<std::int64_t>(std::ceil(bytes / machine.memory()));
}

std::string plan_table(const std::vector<PlannedStage>& stages,
                       const std::vector<NamedShape>& models) {
  std::string out = fmt::format(
      "{:<16} {:<16} {:>8} {:>6} | {:>6} {:>9} {:>8} {:>9} {:>7} | {:>6} {:>9} {:>8} {:>9} {:>7} "
      "| machine\n",
      "stage", "model", "state GB", "ranks", "least", "dp ep tp", "GB/rank", "hours", "days",
      "recom.", "dp ep tp", "GB/rank", "hours", "days");
  for (const PlannedStage& stage : stages) {
    if (config::stage_roles(stage.config, stage.stage).empty()) continue;  // runs no model
    const Machine machine = find_machine(stage.config.plan, stage.config.run.device);
    for (const NamedShape& model : models) {
      const Config config = with_model(stage, model.shape);
      const double bytes = state_bytes(config, stage.stage);
      out += fmt::format(
          "{:<16} {:<16} {:>8.0f} {:>6} | {} | {} | {}\n", stage.name, model.name, bytes / 1e9,
          ranks_by_capacity(bytes, machine), need_text(smallest_layout(config, stage.stage)),
          need_text(smallest_layout(config, stage.stage, {kComfortable})), machine.name);
    }
  }
  out += fmt::format(
      "state: weights, gradients, master weights, moments, reference; ranks: that hold it and "
      "nothing else\nleast: the smallest power of two that a layout fits on, all roles on all "
      "ranks; recommended: at most {:.0f} % of a rank's memory; hours: of all ranks, an estimate\n",
      100.0 * kComfortable);
  return out + kGuideRows;
}

std::string plan_sweep(const PlannedStage& stage, std::int64_t first, std::int64_t last) {
  const Machine machine = find_machine(stage.config.plan, stage.config.run.device);
  std::vector<Layout> rows;
  double best_rate = 0.0;  // tokens/s of a rank
  for (std::int64_t ranks = first; ranks <= last; ranks *= 2) {
    rows.push_back(best_layout(stage.config, stage.stage, ranks));
    if (rows.back().fits)
      best_rate = std::max(best_rate, tokens_per_second_of_rank(rows.back().plan));
  }
  std::string out = fmt::format(
      "{} on {} ({:.0f} GB)\n{:>6} {:>11} {:>8} {:>9} {:>9} {:>9} {:>9} {:>9} {:>10} {:>9} "
      "{:>8}\n",
      stage.name, machine.name, machine.memory_gb, "ranks", "dp ep tp", "GB/rank", "step s",
      "generate", "update", "tokens/s", "per rank", "efficiency", "hours", "days");
  for (const Layout& layout : rows) {
    const Plan& plan = layout.plan;
    const std::int64_t ranks = plan.world_size;
    out += fmt::format("{:>6} {:>11} {:>8.1f} ", ranks, split_text(plan), plan.most_bytes() / 1e9);
    if (!layout.fits) {
      out += "does not fit: " + plan.misfits.front() + "\n";
      continue;
    }
    const StepTime& time = plan.time;
    const double rate = tokens_per_second_of_rank(plan);
    out += fmt::format(
        "{:>9} {:>9} {:>9} {:>9} {:>9} {:>10.2f} {:>9} {:>8}\n", number_text(time.seconds()),
        number_text(time.generate),
        number_text(time.update + time.reduce + time.gather + time.optimizer),
        number_text(rate * static_cast<double>(ranks)), number_text(rate), rate / best_rate,
        number_text(24.0 * days(time) * static_cast<double>(ranks)), number_text(days(time)));
  }
  return out + "efficiency: tokens/s per rank against the best row; hours: of all ranks\n";
}

}  // namespace r1::plan
