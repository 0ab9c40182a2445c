#pragma once
// Transfers the weights of a model to ranks that hold the model in another split, or that hold no
// part of the source model: to generation with its own layout, and to a reference that follows the
// policy.
//
// The ranks of the source model gather one whole tensor after another. A rank of both roles copies
// its part out of the whole tensor. Each other rank of the target role receives the whole tensor
// from one rank of the source role and copies its part.
#include <cstdint>
#include <string>
#include <vector>

#include "models/model.h"
#include "role_groups.h"

namespace r1::mpi {

class WeightTransfer {
 public:
  /// Transfers from the ranks of role `from` to the ranks of role `to`. The two sets of ranks may
  /// be equal, nested, overlapping or disjoint, and the meshes of the two roles may differ.
  /// `groups` must outlive this object.
  WeightTransfer(RoleGroups& groups, const std::string& from, const std::string& to);

  /// Returns the `value` of the ranks of `from` on all ranks of both roles. Collective over: the
  /// ranks of both roles.
  std::int64_t tell(std::int64_t value);

  /// Copies the weights of `source` to `target`; each tensor is sent in its own dtype. `source` is
  /// null outside of `from`, and `target` is null outside of `to`. Both models have the same shape
  /// and dtype. Returns the bytes of the whole model (0 on a rank of neither role). Collective
  /// over: the ranks of both roles.
  double copy(const models::Model* source, models::Model* target);

 private:
  MpiCommunicator& world_;
  bool same_layout_;          // each rank holds the same part of both models
  int sender_ = -1;           // world rank that sends to this rank; -1: none
  std::vector<int> targets_;  // world ranks that this rank sends to
};

}  // namespace r1::mpi
