#pragma once
// The ranks that hold one copy of a model together, and who holds what of it.
#include <cstdint>

#include "parallel/communicator.h"

namespace r1::parallel {

/// The communicator of a rank that shares a model with no other. One object, for the whole process.
Communicator& alone();

/// Tensor parallelism: heads, widths of MLPs and the vocabulary are split over `tensor`, whose
/// ranks all see the same tokens. Experts are split over `experts`, which contains the tensor axis
/// (ranks of one tensor group side by side) and may join several data-parallel replicas. The
/// communicators outlive the models on them.
struct ModelAxes {
  Communicator* tensor = &alone();
  Communicator* experts = &alone();
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
