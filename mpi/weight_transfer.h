#pragma once
// Transfers the weights of a model to ranks that hold the model in another split, or that hold no
// part of the source model: to generation with its own layout, and to a reference that follows the
// policy.
//
// The first copy() plans which box of which tensor travels from which rank to which rank
// (parallel/transfer_plan.h): every rank computes the parts of all ranks from the two layouts and
// the shape of the model. Each copy() then sends exactly the boxes that the other ranks need, in
// buckets of bounded size, between GPUs over NCCL where NCCL is possible.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/model.h"
#include "models/model_boxes.h"
#include "parallel/transfer.h"
#include "role_groups.h"

namespace r1::mpi {

/// Which of two roles share out their weights over their copies (models/weight_shards.h).
struct SharedOut {
  bool from = false, to = false;
};

class WeightTransfer {
 public:
  /// Transfers from the ranks of role `from` to the ranks of role `to`. The two sets of ranks may
  /// be equal, nested, overlapping or disjoint, and the meshes of the two roles may differ.
  /// `bucket_bytes`: the bytes that a rank sends and receives in one round; the messages of two
  /// rounds are in memory at a time. `groups` must outlive this object. Collective over: none.
  WeightTransfer(RoleGroups& groups, const std::string& from, const std::string& to,
                 std::int64_t bucket_bytes, SharedOut shared_out = {});

  /// Returns the `value` of the ranks of `from` on all ranks of both roles. Collective over: the
  /// ranks of both roles.
  std::int64_t tell(std::int64_t value);

  /// Copies the weights of `source` to `target`; each tensor is sent in its own dtype. `source` is
  /// null outside of `from`, and `target` is null outside of `to`. Both models have the same shape
  /// and dtype in every call. Collective over: the ranks of both roles.
  void copy(const models::Model* source, models::Model* target);

  /// What each rank of both roles sends and receives in a copy(), in the order of the world ranks;
  /// equal on all ranks. Empty before the first copy() and on ranks of neither role.
  const std::vector<parallel::RankTraffic>& traffic() const { return plan_.traffic; }
  /// Bytes into the rank that receives most.
  double most_bytes_in() const { return static_cast<double>(plan_.most_bytes_in()); }
  /// The most bytes of messages that were in this rank's memory at a time during the last copy().
  std::int64_t message_bytes() const { return message_bytes_; }

 private:
  void make_plan(const models::Model& model);

  RoleGroups& groups_;
  models::Holders from_, to_;
  std::int64_t bucket_bytes_;
  std::vector<int> members_;  // world ranks; of this rank alone if the layouts are equal
  int sender_ = -1;           // world rank that tells this rank; -1: none
  std::vector<int> told_;     // world ranks that this rank tells
  std::optional<models::TensorList> tensors_;
  parallel::TransferPlan plan_;
  std::unique_ptr<parallel::Communicator> own_ranks_;  // null: one member, nothing is sent
  std::int64_t message_bytes_ = 0;
};

}  // namespace r1::mpi
