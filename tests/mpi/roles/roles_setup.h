#pragma once
// What the tests of the roles share: layouts of a few ranks, toy models with random weights.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "models/registry.h"
#include "mpi/role_groups.h"
#include "support/small_shape.h"
#include "support/world.h"

namespace r1::test {

/// A role's ranks and how they split its model. ranks 0: those of the policy.
struct RoleShape {
  int ranks = 1;
  int ep = 1;
  int tp = 1;
};

inline parallel::RoleRequest request(const std::string& role, const RoleShape& shape) {
  parallel::RoleRequest request{.name = role,
                                .mesh = {{"dp", -1}, {"ep", shape.ep}, {"tp", shape.tp}}};
  if (shape.ranks == 0)
    request.share_with = parallel::kPolicy;
  else
    request.ranks = shape.ranks;
  return request;
}

/// The policy and one other role; the remaining ranks of the world are idle.
struct TwoRoles {
  std::string name;
  RoleShape policy, other;

  int num_ranks() const { return policy.ranks + other.ranks; }
  parallel::RoleLayout layout(const std::string& other_role, int world_size) const {
    return parallel::RoleLayout({request(parallel::kPolicy, policy), request(other_role, other)},
                                world_size, {}, /*allow_idle_ranks=*/true);
  }
};

/// The layouts that fit a world of this size: one rank, the same ranks split otherwise (nested),
/// ranks apart, experts over replicas.
inline std::vector<TwoRoles> two_role_layouts(int world_size) {
  const std::vector<TwoRoles> all = {
      {"one rank", {1}, {0}},
      {"apart", {1}, {1}},
      {"same ranks, same parts", {2, 1, 2}, {0, 1, 2}},
      {"same ranks, whole", {2, 1, 2}, {0}},
      {"same ranks, split", {2}, {0, 1, 2}},
      {"split, apart and whole", {2, 1, 2}, {2}},
      {"whole, apart and split", {1}, {2, 1, 2}},
      {"less split on the same ranks", {4, 1, 4}, {0, 1, 2}},
      {"experts over replicas, whole on the same ranks", {4, 2, 2}, {0}},
      {"experts over replicas, apart", {2, 2}, {2, 1, 2}},
      {"split over four, one apart", {4, 1, 4}, {1}},
      {"one, experts of another role apart", {1}, {4, 2, 2}},
      {"experts over two, three apart share them", {2, 2}, {3, 3}},
  };
  std::vector<TwoRoles> fitting;
  for (const auto& roles : all)
    if (roles.num_ranks() <= world_size) fitting.push_back(roles);
  return fitting;
}

/// A toy model with weights of this seed. What no gradient reaches (a router's balance bias) gets
/// values that need fp32: bf16 rounds all of them to one number.
inline std::unique_ptr<models::Model> random_model(const std::string& architecture,
                                                   at::ScalarType dtype, std::uint64_t seed,
                                                   const parallel::ModelAxes& axes = {}) {
  const at::NoGradGuard no_grad;
  auto model = models::make_model(small_shape(architecture), dtype, at::kCPU, axes);
  models::randomize(*model, seed);
  for (auto& parameter : model->parameters())
    if (!parameter.trained)
      parameter.value.copy_(1.0 + at::arange(parameter.value.numel(), at::kDouble)
                                      .view_as(parameter.value)
                                      .mul(static_cast<double>(seed) / (1 << 14)));
  return model;
}

struct WeightCase {
  const char* architecture;
  at::ScalarType dtype;
};

inline void PrintTo(const WeightCase& tested, std::ostream* out) {
  *out << tested.architecture << " in " << at::toString(tested.dtype);
}

/// Weights of a toy model on their way between roles, on all ranks of the world.
class WeightTest : public ::testing::TestWithParam<WeightCase> {
 protected:
  /// Null on ranks without the role.
  std::unique_ptr<models::Model> model(mpi::RoleGroups& groups, const std::string& role,
                                       std::uint64_t seed) const {
    const auto [architecture, dtype] = GetParam();
    return groups.is_in(role) ? random_model(architecture, dtype, seed, groups.model_axes(role))
                              : nullptr;
  }

  mpi::MpiCommunicator world_ = make_world();
};

}  // namespace r1::test
