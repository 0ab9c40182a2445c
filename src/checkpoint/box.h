#pragma once
// Boxes of stored tensors: coverage, and the boxes of a flat (ZeRO) range.
#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"

namespace r1::checkpoint {

using parallel::intersect;
using parallel::relative_offset;
using parallel::to_string;
using parallel::volume;

/// Elements [begin, end) of a row-major tensor as at most 2 x ndim - 1 boxes, in row-major order
/// (so a contiguous flat buffer splits into them piece by piece).
std::vector<Box> flat_range_boxes(const std::vector<std::int64_t>& shape, std::int64_t begin,
                                  std::int64_t end);

/// The ShardedTensor of a flat range: `flat` [end - begin] holds elements [begin, end).
ShardedTensor flat_range_tensor(std::string name, const std::vector<std::int64_t>& shape,
                                std::int64_t begin, const at::Tensor& flat);

/// Empty when the boxes tile `shape` exactly, else what is wrong ("boxes [0, 0]+[2, 3] and …
/// overlap", "boxes cover 10 of 20 elements").
std::string tiling_problem(const std::vector<std::int64_t>& shape, std::vector<Box> boxes);

}  // namespace r1::checkpoint
