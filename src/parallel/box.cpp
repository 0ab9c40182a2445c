#include "parallel/box.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <numeric>

namespace r1::parallel {
namespace {

void cut_along(const Box& box, std::size_t dim, std::int64_t most, std::vector<Box>& pieces) {
  const std::int64_t of_an_index =
      std::accumulate(box.extent.begin() + static_cast<std::ptrdiff_t>(dim) + 1, box.extent.end(),
                      std::int64_t{1}, std::multiplies<>());
  const auto step = std::max<std::int64_t>(1, most / std::max<std::int64_t>(1, of_an_index));
  for (std::int64_t begin = 0; begin < box.extent[dim]; begin += step) {
    auto piece = box;
    piece.offset[dim] += begin;
    piece.extent[dim] = std::min(step, box.extent[dim] - begin);
    if (volume(piece.extent) > most && dim + 1 < box.extent.size())
      cut_along(piece, dim + 1, most, pieces);
    else
      pieces.push_back(std::move(piece));
  }
}

}  // namespace

std::int64_t volume(const std::vector<std::int64_t>& extent) {
  return std::accumulate(extent.begin(), extent.end(), std::int64_t{1}, std::multiplies<>());
}

std::optional<Box> intersect(const Box& a, const Box& b) {
  Box common;
  for (std::size_t dim = 0; dim < a.offset.size(); ++dim) {
    const auto begin = std::max(a.offset[dim], b.offset[dim]);
    const auto end = std::min(a.offset[dim] + a.extent[dim], b.offset[dim] + b.extent[dim]);
    if (begin >= end) return std::nullopt;
    common.offset.push_back(begin);
    common.extent.push_back(end - begin);
  }
  return common;
}

std::vector<std::int64_t> relative_offset(const Box& inner, const Box& outer) {
  std::vector<std::int64_t> offset = inner.offset;
  for (std::size_t dim = 0; dim < offset.size(); ++dim) offset[dim] -= outer.offset[dim];
  return offset;
}

std::vector<Box> cut(const Box& box, std::int64_t most_elements) {
  if (volume(box.extent) <= most_elements || box.extent.empty()) return {box};
  std::vector<Box> pieces;
  cut_along(box, 0, most_elements, pieces);
  return pieces;
}

at::Tensor part_of_tensor(const at::Tensor& tensor, const std::vector<std::int64_t>& offset,
                          const std::vector<std::int64_t>& extent) {
  auto part = tensor;
  for (std::size_t dim = 0; dim < offset.size(); ++dim)
    part = part.narrow(static_cast<std::int64_t>(dim), offset[dim], extent[dim]);
  return part;
}

std::string to_string(const Box& box) {
  return fmt::format("[{}]+[{}]", fmt::join(box.offset, ", "), fmt::join(box.extent, ", "));
}

}  // namespace r1::parallel
