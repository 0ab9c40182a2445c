#include "models/sharded_parameter.h"

#include <ATen/ATen.h>

#include "checkpoint/box.h"

namespace r1::models {

checkpoint::ShardedTensor sharded_tensor(const FlatRange& range, const Parameter& parameter,
                                         const WeightSlice& slice, const std::string& prefix) {
  const auto part = part_of(range, parameter, slice);
  auto extent = parameter.value.sizes().vec();  // of the rows
  extent[0] = slice.rows;
  auto tensor =
      checkpoint::flat_range_tensor(prefix + slice.name, extent, part.in_slice, part.values);
  if (slice.offset.empty()) return tensor;
  tensor.shape = slice.shape;
  for (auto& local : tensor.boxes)
    for (std::size_t dim = 0; dim < slice.offset.size(); ++dim)
      local.box.offset[dim] += slice.offset[dim];
  return tensor;
}

checkpoint::ShardedTensor sharded_tensor(const Parameter& parameter, const WeightSlice& slice,
                                         const std::string& prefix) {
  return sharded_tensor({0, 0, parameter.value.detach().view(-1)}, parameter, slice, prefix);
}

namespace {

std::vector<checkpoint::ShardedTensor> sharded_tensors_of(
    const std::vector<Parameter>& parameters) {
  std::vector<checkpoint::ShardedTensor> tensors;
  for (const auto& parameter : parameters)
    for (const auto& slice : parameter.slices) tensors.push_back(sharded_tensor(parameter, slice));
  return tensors;
}

}  // namespace

std::vector<checkpoint::ShardedTensor> model_tensors(const Model& model) {
  return sharded_tensors_of(model.parameters());
}

std::vector<checkpoint::ShardedTensor> trained_tensors(const Model& model) {
  return sharded_tensors_of(model.trained_parameters());
}

}  // namespace r1::models
