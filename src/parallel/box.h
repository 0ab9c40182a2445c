#pragma once
// Rectangular parts of tensors, and arithmetic with them.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace r1::parallel {

/// A rectangular part of a tensor.
struct Box {
  std::vector<std::int64_t> offset;
  std::vector<std::int64_t> extent;

  bool operator==(const Box&) const = default;
};

/// Number of elements; 1 for a box without dims.
std::int64_t volume(const std::vector<std::int64_t>& extent);

/// The common part, or nothing.
std::optional<Box> intersect(const Box& a, const Box& b);

/// `inner`'s offset seen from the corner of `outer`.
std::vector<std::int64_t> relative_offset(const Box& inner, const Box& outer);

/// Cuts a box into boxes of at most `most_elements` (at least 1), in row-major order: along the
/// first dim, and along later dims where one index of an earlier dim has too many elements.
std::vector<Box> cut(const Box& box, std::int64_t most_elements);

/// The part of `tensor` at `offset`: a view of the shape `extent`.
at::Tensor part_of_tensor(const at::Tensor& tensor, const std::vector<std::int64_t>& offset,
                          const std::vector<std::int64_t>& extent);

/// "[0, 4]+[2, 3]": offset + extent.
std::string to_string(const Box& box);

}  // namespace r1::parallel
