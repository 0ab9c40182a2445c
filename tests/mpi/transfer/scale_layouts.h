#pragma once
// Layouts of two roles for worlds of 1, 4, 8 and 16 ranks.
#include "mpi/roles/roles_setup.h"

namespace r1::test {

/// How weights travel when a model is trained in one split and used in another split.
inline std::vector<TwoRoles> scale_layouts(int world_size) {
  const std::vector<TwoRoles> all = {
      {"tp 2 to tp 4 on the same ranks", {4, 1, 2}, {0, 1, 4}},
      {"tp 2 to tp 4 on more replicas", {8, 1, 2}, {0, 1, 4}},
      {"tp 4 to tp 2 apart", {4, 1, 4}, {4, 1, 2}},
      {"ep 4 to ep 2", {4, 4}, {0, 2}},
      {"ep 4 to ep 2 with tp 2", {8, 4, 2}, {0, 2, 2}},
      {"trainers to sampling ranks", {2, 2}, {6, 1, 2}},
      {"trainers to as many sampling ranks", {8, 2, 2}, {8, 1, 4}},
      {"policy to reference", {8, 2, 2}, {4, 1, 2}},
      {"few trainers to many sampling ranks", {2, 1, 2}, {14, 1, 2}},
  };
  std::vector<TwoRoles> fitting;
  for (const auto& roles : all)
    if (roles.num_ranks() <= world_size) fitting.push_back(roles);
  return fitting;
}

}  // namespace r1::test
