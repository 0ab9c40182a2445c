#pragma once
// The axes over which ranks hold one copy of a model together, and the part that each rank holds.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "parallel/node_ranks.h"

namespace r1::parallel {

/// The communicator of a rank that shares its model with no other rank; one object per process.
Communicator& alone();

/// Axes over which a model can be split.
///
/// Tensor: splits heads, widths of MLPs and the vocabulary; all ranks of the axis see the same
/// tokens.
/// Experts: splits experts. The axis contains the tensor axis (the ranks of one tensor group are
/// neighbours) and may span several data-parallel replicas.
/// Context: splits the tokens of a batch (context_split.h); all ranks of the axis hold the same
/// weights.
enum class ModelAxis : std::size_t { Tensor, Experts, Context };

/// A model axis, the name of its communicators, and the axes of a role's mesh (mesh.h) in which the
/// ranks of the model axis differ.
struct ModelAxisTraits {
  ModelAxis axis;
  const char* name;
  std::vector<std::string> mesh_axes;
  bool splits_weights;  // the ranks of the axis hold different parts of the weights
};

/// All axes, in the order of the enumeration. A new axis needs a line here and in ModelAxis, and
/// the code that splits over the axis.
inline const std::array<ModelAxisTraits, 3> kModelAxes{
    {{ModelAxis::Tensor, "tensor", {"tp"}, true},
     {ModelAxis::Experts, "experts", {"ep", "tp"}, true},
     {ModelAxis::Context, "context", {"cp"}, false}}};

inline const ModelAxisTraits& traits(ModelAxis axis) {
  return kModelAxes[static_cast<std::size_t>(axis)];
}

/// The axes of a role's mesh whose ranks hold one replica together: these ranks see the same
/// samples.
inline const std::vector<std::string> kReplicaMeshAxes{"cp", "tp"};

/// The axes of a role's mesh whose ranks hold the same weights that are no experts, and the same
/// experts.
inline const std::vector<std::string> kCopyMeshAxes{"dp", "ep", "cp"};
inline const std::vector<std::string> kExpertCopyMeshAxes{"dp", "cp"};

/// This rank's communicators for the axes of a model. The communicators must outlive the models.
class ModelAxes {
 public:
  /// The axes of a model that is not split.
  ModelAxes() { communicators_.fill(&alone()); }

  void set(ModelAxis axis, Communicator& ranks) {
    communicators_[static_cast<std::size_t>(axis)] = &ranks;
  }
  Communicator& operator[](ModelAxis axis) const {
    return *communicators_[static_cast<std::size_t>(axis)];
  }
  /// The ranks of the expert axis by nodes.
  void set_expert_nodes(Communicator& within, Communicator& across) {
    within_node_ = &within;
    across_nodes_ = &across;
  }
  NodeRanks experts() const {
    auto& all = (*this)[ModelAxis::Experts];
    return within_node_ ? NodeRanks(all, *within_node_, *across_nodes_) : NodeRanks(all);
  }
  int size(ModelAxis axis) const { return (*this)[axis].size(); }
  int rank(ModelAxis axis) const { return (*this)[axis].rank(); }

 private:
  std::array<Communicator*, std::tuple_size_v<decltype(kModelAxes)>> communicators_;
  Communicator* within_node_ = nullptr;
  Communicator* across_nodes_ = nullptr;
};

/// A rank's part of `total` items: [begin, begin + size).
struct Shard {
  std::int64_t begin = 0;
  std::int64_t size = 0;
  std::int64_t total = 0;
};

/// The part of rank `rank` of `num_ranks`. Parts are contiguous and in rank order; sizes differ by
/// at most one.
inline Shard shard_of(std::int64_t total, std::int64_t rank, std::int64_t num_ranks) {
  const auto begin = total * rank / num_ranks;
  return {begin, total * (rank + 1) / num_ranks - begin, total};
}
inline Shard shard_of(std::int64_t total, const Communicator& ranks) {
  return shard_of(total, ranks.rank(), ranks.size());
}

/// Converts a shard of items (heads, experts) to a shard of rows, with `width` rows per item.
inline Shard scaled(const Shard& shard, std::int64_t width) {
  return {shard.begin * width, shard.size * width, shard.total * width};
}

}  // namespace r1::parallel
