#pragma once
// The ranks that hold one copy of a model together, and who holds what of it.
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "parallel/communicator.h"

namespace r1::parallel {

/// The communicator of a rank that shares a model with no other. One object, for the whole process.
Communicator& alone();

/// What a model can be split over.
///
/// Tensor: heads, widths of MLPs and the vocabulary; its ranks all see the same tokens.
/// Experts: experts; the axis contains the tensor axis (ranks of one tensor group side by side) and
/// may join several data-parallel replicas.
enum class ModelAxis : std::size_t { Tensor, Experts };

/// An axis with the name of its communicators and the axes of a role's mesh (mesh.h) that its ranks
/// differ in.
struct ModelAxisTraits {
  ModelAxis axis;
  const char* name;
  std::vector<std::string> mesh_axes;
};

/// All axes, in the order of the enumeration. A new axis is a line here and in ModelAxis, and what
/// splits over it asks for it.
inline const std::array<ModelAxisTraits, 2> kModelAxes{
    {{ModelAxis::Tensor, "tensor", {"tp"}}, {ModelAxis::Experts, "experts", {"ep", "tp"}}}};

/// The axes of a role's mesh whose ranks hold a replica together: they see the same samples.
inline const std::vector<std::string> kReplicaMeshAxes{"tp"};

/// This rank's communicators of a model's axes. The communicators outlive the models on them.
class ModelAxes {
 public:
  /// A model that is not split.
  ModelAxes() { communicators_.fill(&alone()); }

  void set(ModelAxis axis, Communicator& ranks) {
    communicators_[static_cast<std::size_t>(axis)] = &ranks;
  }
  Communicator& operator[](ModelAxis axis) const {
    return *communicators_[static_cast<std::size_t>(axis)];
  }
  int size(ModelAxis axis) const { return (*this)[axis].size(); }
  int rank(ModelAxis axis) const { return (*this)[axis].rank(); }

 private:
  std::array<Communicator*, std::tuple_size_v<decltype(kModelAxes)>> communicators_;
};

/// A rank's part of `total` things: [begin, begin + size).
struct Shard {
  std::int64_t begin = 0;
  std::int64_t size = 0;
  std::int64_t total = 0;
};

/// The part of rank `rank` of `num_ranks`: contiguous, in rank order, sizes differ by one at most.
inline Shard shard_of(std::int64_t total, std::int64_t rank, std::int64_t num_ranks) {
  const auto begin = total * rank / num_ranks;
  return {begin, total * (rank + 1) / num_ranks - begin, total};
}
inline Shard shard_of(std::int64_t total, const Communicator& ranks) {
  return shard_of(total, ranks.rank(), ranks.size());
}

/// The same part where each thing is `width` rows: a head, an expert.
inline Shard scaled(const Shard& shard, std::int64_t width) {
  return {shard.begin * width, shard.size * width, shard.total * width};
}

}  // namespace r1::parallel
