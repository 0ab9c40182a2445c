#pragma once
// The table of plan: what each stage needs with each model, beside the guide's own four rows.
#include <string>
#include <vector>

#include "config/load.h"

namespace r1::mpi {

/// A model of the table.
struct NamedShape {
  std::string name;
  models::ModelShape shape;
};

/// A stage of the table: its name, command and configuration.
struct PlannedStage {
  std::string name;
  std::string command;
  config::Config config;
};

/// Least ranks that fit, and ranks that use at most kComfortable of the memory, with the split
/// (tp, ep) that gets there. All roles share the ranks.
struct Need {
  std::int64_t ranks = 0;  // 0: not with kMostRanks either
  std::int64_t tp = 1, ep = 1;
  double bytes = 0.0;  // of the fullest rank
  double hours = 0.0;  // of the stage
};
inline constexpr double kComfortable = 0.7;
inline constexpr std::int64_t kMostRanks = 4096;

/// The smallest power of two ranks on which `share` of a rank's memory is enough.
Need find_need(const PlannedStage& stage, const models::ModelShape& shape, double share);

/// A line per stage that runs a model and per model.
std::string plan_table(const std::vector<PlannedStage>& stages,
                       const std::vector<NamedShape>& models);

}  // namespace r1::mpi
