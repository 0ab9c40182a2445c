#pragma once
// plan --table and --sweep: GPUs, memory and time of stages, over models and over numbers of ranks.
#include <string>
#include <vector>

#include "plan/plan.h"

namespace r1::plan {

/// A model of the table.
struct NamedShape {
  std::string name;
  models::ModelShape shape;
};

/// A stage of the table: its name in a pipeline, what it is, and its configuration.
struct PlannedStage {
  std::string name;
  Stage stage = Stage::Rl;
  Config config;
  std::int64_t ranks = 0;  // that a pipeline gives it; 0: all
};

/// Bytes of all copies of a stage's models and states: bf16 weights and gradients, fp32 master
/// weights and moments where it trains (16 a parameter), weights of the reference. Activations and
/// caches come on top.
double state_bytes(const Config& config, Stage stage);

/// Ranks that hold so many bytes and nothing else.
std::int64_t ranks_by_capacity(double bytes, const Machine& machine);

/// A line per stage that runs a model and per model: ranks by capacity, the least that a layout
/// fits on and those that it uses at most kComfortable of; then the guide's four rows.
std::string plan_table(const std::vector<PlannedStage>& stages,
                       const std::vector<NamedShape>& models);
inline constexpr double kComfortable = 0.7;

/// A line per number of ranks, first, 2 first, … up to `last`: the best layout, seconds of a step,
/// tokens/s and what share of the best line's speed per rank that is, rank-hours and days.
std::string plan_sweep(const PlannedStage& stage, std::int64_t first, std::int64_t last);

}  // namespace r1::plan
