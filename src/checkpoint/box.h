#pragma once
// Arithmetic of boxes: volumes, intersections, coverage, and the boxes of a flat (ZeRO) range.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/sharded_tensor.h"

namespace r1::checkpoint {

/// Number of elements; 1 for a box without dims.
std::int64_t volume(const std::vector<std::int64_t>& extent);

/// The common part, or nothing.
std::optional<Box> intersect(const Box& a, const Box& b);

/// `inner`'s offset seen from the corner of `outer`.
std::vector<std::int64_t> relative_offset(const Box& inner, const Box& outer);

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

/// "[0, 4]+[2, 3]": offset + extent.
std::string to_string(const Box& box);

}  // namespace r1::checkpoint
