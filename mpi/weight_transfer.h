#pragma once
// The one way for the weights of a model to ranks that hold the model in another split, or that
// hold no part of the trained one: generation with a layout of its own, a reference that follows
// the policy.
//
// The ranks that hold the source model together put one whole tensor after the other together. A
// rank of both roles takes its part out of that tensor; each other rank of the target's role
// receives the tensor from one rank of the source's role and takes its part.
#include <cstdint>
#include <string>
#include <vector>

#include "models/model.h"
#include "role_groups.h"

namespace r1::mpi {

class WeightTransfer {
 public:
  /// From the ranks of role `from` to those of role `to`, which may be the same, nested,
  /// overlapping or apart; the meshes of the two roles may differ. `groups` must outlive this.
  WeightTransfer(RoleGroups& groups, const std::string& from, const std::string& to);

  /// A number that the ranks of `from` know (`value` counts there alone), on all ranks of both
  /// roles. Collective over: the ranks of both roles.
  std::int64_t tell(std::int64_t value);

  /// Gives `target` the weights of `source`; each tensor travels in its own dtype. `source` is null
  /// outside of `from`, and `target` is null outside of `to`. Both models have one shape and dtype.
  /// Returns the bytes of the whole model (on a rank of neither role: 0). Collective over: the
  /// ranks of both roles.
  double copy(const models::Model* source, models::Model* target);

 private:
  MpiCommunicator& world_;
  bool same_layout_;          // each rank holds the same part of both models
  int sender_ = -1;           // world rank that sends to this one; -1: none
  std::vector<int> targets_;  // world ranks that this one sends to
};

}  // namespace r1::mpi
