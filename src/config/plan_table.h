#pragma once
// plan --table: how many GPUs each stage needs for each published model, beside the guide's claims.
#include <string>
#include <vector>

#include "config/plan.h"

namespace r1::config {

/// A model of the table.
struct NamedShape {
  std::string name;
  models::ModelShape shape;
};

/// GPUs that hold a state of so many bytes a parameter: the least by capacity, and the power of two
/// above it (for experts: one that divides them), with room for activations and cache.
struct GpuNeed {
  double bytes = 0.0;
  std::int64_t minimum = 0;
  std::int64_t recommended = 0;
};
GpuNeed gpus_needed(const models::ModelShape& shape, double bytes_per_parameter,
                    const Machine& machine);

/// Rows stage x model: minimum and recommended GPUs, memory, rank-hours, days on the recommended
/// GPUs; then the guide's four rows. Steps and lengths are the guide's.
std::string plan_table(const std::vector<NamedShape>& models, const PlanOptions& plan);

}  // namespace r1::config
