#include "checkpoint/box.h"

#include <ATen/ATen.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/errors.h"

namespace r1::checkpoint {

std::vector<Box> flat_range_boxes(const std::vector<std::int64_t>& shape, std::int64_t begin,
                                  std::int64_t end) {
  R1_CHECK(0 <= begin && begin <= end && end <= volume(shape), "range [{}, {})", begin, end);
  std::vector<Box> boxes;
  if (shape.empty() && begin < end) boxes.push_back({});
  if (shape.empty()) return boxes;
  std::vector<std::int64_t> stride(shape.size(), 1);
  for (std::size_t dim = shape.size() - 1; dim > 0; --dim)
    stride[dim - 1] = stride[dim] * shape[dim];
  while (begin < end) {
    // The outermost dim along which a whole step starts here and fits.
    std::size_t dim = 0;
    while (begin % stride[dim] != 0 || begin + stride[dim] > end) ++dim;
    Box box{std::vector<std::int64_t>(shape.size(), 0), shape};
    std::int64_t rest = begin;
    for (std::size_t outer = 0; outer <= dim; ++outer) {
      box.offset[outer] = rest / stride[outer];
      box.extent[outer] = 1;
      rest %= stride[outer];
    }
    box.extent[dim] = std::min((end - begin) / stride[dim], shape[dim] - box.offset[dim]);
    begin += box.extent[dim] * stride[dim];
    boxes.push_back(std::move(box));
  }
  return boxes;
}

ShardedTensor flat_range_tensor(std::string name, const std::vector<std::int64_t>& shape,
                                std::int64_t begin, const at::Tensor& flat) {
  ShardedTensor tensor{std::move(name), shape, flat.scalar_type(), {}, 0};
  std::int64_t done = 0;
  for (auto& box : flat_range_boxes(shape, begin, begin + flat.numel())) {
    const auto elements = volume(box.extent);
    const auto view = flat.narrow(0, done, elements).view(box.extent);
    tensor.boxes.push_back({std::move(box), view});
    done += elements;
  }
  return tensor;
}

std::string tiling_problem(const std::vector<std::int64_t>& shape, std::vector<Box> boxes) {
  std::int64_t covered = 0;
  for (const auto& box : boxes) {
    if (box.offset.size() != shape.size() || box.extent.size() != shape.size())
      return fmt::format("box {} has another number of dims than shape [{}]", to_string(box),
                         fmt::join(shape, ", "));
    for (std::size_t dim = 0; dim < shape.size(); ++dim)
      if (box.offset[dim] < 0 || box.extent[dim] < 0 ||
          box.extent[dim] > shape[dim] - box.offset[dim])
        return fmt::format("box {} leaves shape [{}]", to_string(box), fmt::join(shape, ", "));
    covered += volume(box.extent);
  }
  std::sort(boxes.begin(), boxes.end(),
            [](const Box& a, const Box& b) { return a.offset < b.offset; });
  // Sorted by the first dim, only boxes that start before this one ends in it can overlap.
  for (std::size_t i = 0; i < boxes.size(); ++i)
    for (std::size_t j = i + 1; j < boxes.size(); ++j) {
      if (!shape.empty() && boxes[j].offset[0] >= boxes[i].offset[0] + boxes[i].extent[0]) break;
      if (intersect(boxes[i], boxes[j]))
        return fmt::format("boxes {} and {} overlap", to_string(boxes[i]), to_string(boxes[j]));
    }
  if (covered != volume(shape))
    return fmt::format("boxes cover {} of {} elements", covered, volume(shape));
  return {};
}

}  // namespace r1::checkpoint
