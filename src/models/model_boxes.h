#pragma once
// The boxes of a model's tensors that ranks hold: the ends of transfers from one layout of the
// model to another layout, and to files.
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "models/split_model.h"
#include "parallel/place_communicator.h"
#include "parallel/role_layout.h"
#include "parallel/transfer_plan.h"

namespace r1::models {

/// Tensors of a model with an index for each: the numbers of a transfer.
class TensorList {
 public:
  explicit TensorList(std::vector<WholeTensor> tensors);

  std::size_t size() const { return tensors_.size(); }
  const WholeTensor& operator[](std::size_t index) const { return tensors_[index]; }
  const std::vector<at::ScalarType>& dtypes() const { return dtypes_; }
  bool has(const std::string& name) const { return index_.count(name) > 0; }
  /// Throws: InternalError if the list has no such tensor.
  std::size_t index(const std::string& name) const;

 private:
  std::vector<WholeTensor> tensors_;
  std::vector<at::ScalarType> dtypes_;
  std::map<std::string, std::size_t> index_;
};

/// Boxes that a rank holds, with the memory of each.
class HeldBoxes {
 public:
  /// `list` must outlive this object. Throws: InternalError for a tensor that is not in the list.
  HeldBoxes(const TensorList& list, const std::vector<checkpoint::ShardedTensor>& tensors);

  /// Ordered by tensor.
  std::vector<parallel::TensorBox> boxes() const;
  /// The memory of `box`, which lies inside one of the boxes. Throws: InternalError.
  at::Tensor view(const parallel::TensorBox& box) const;

 private:
  const TensorList& list_;
  std::map<std::size_t, std::vector<checkpoint::LocalBox>> held_;  // by tensor
};

/// The parts of a model that the ranks of a role hold, as models without memory. Ranks that differ
/// in no axis of the model have the same place, and hold equal parts.
class RoleOutlines {
 public:
  /// Throws: as make_model().
  RoleOutlines(const ModelShape& shape, at::ScalarType dtype, const parallel::RoleAssignment& role);

  std::size_t num_places() const { return outlines_.size(); }
  /// `rank`: in the role.
  std::size_t place(int rank) const { return place_of_rank_[static_cast<std::size_t>(rank)]; }
  const Model& outline(std::size_t place) const { return *outlines_[place]; }

 private:
  std::vector<std::unique_ptr<parallel::PlaceCommunicator>> communicators_;
  std::vector<std::unique_ptr<Model>> outlines_;
  std::vector<std::size_t> place_of_rank_;
};

/// A role and whether its ranks share out their weights (weight_shards.h).
struct Holders {
  const parallel::RoleAssignment& role;
  bool share_out = false;
};

/// The end of a transfer. Senders of shared out weights send the first copy of what several ranks
/// of the tensor axis hold, because their ranges of it may overlap without being equal.
enum class TransferSide { Sender, Receiver };

/// What the ranks of a communicator hold of a model that a role splits. `members`: the world rank
/// of each rank of the communicator.
parallel::Holdings role_holdings(const TensorList& list, const ModelShape& shape,
                                 at::ScalarType dtype, const Holders& holders, TransferSide side,
                                 const std::vector<int>& members);

/// Whether weights that travel from one role to the other stay on their ranks.
bool hold_the_same_parts(const Holders& a, const Holders& b);

/// Bytes that each rank of `to` receives when the weights of a model travel from the layout of
/// `from` to the layout of `to`: what the rank holds in `to` and not in `from`.
std::vector<double> bytes_received(const ModelShape& shape, at::ScalarType dtype,
                                   const Holders& from, const Holders& to);

/// Bytes into the rank of `to` that receives most, without the outlines of all layers: layers of
/// one kind are alike, so one and two layers of each kind are counted.
double most_bytes_received(const ModelShape& shape, at::ScalarType dtype, const Holders& from,
                           const Holders& to);

}  // namespace r1::models
