#include "models/sharded_parameter.h"

#include <ATen/ATen.h>

#include "checkpoint/box.h"
#include "models/weight_shards.h"

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

std::vector<checkpoint::ShardedTensor> tensors_of(std::span<const FlatRange> ranges,
                                                  std::span<const Parameter> parameters) {
  std::vector<checkpoint::ShardedTensor> tensors;
  for (const auto& range : ranges)
    for (const auto& slice : parameters[range.parameter].slices)
      if (auto tensor = sharded_tensor(range, parameters[range.parameter], slice);
          !tensor.boxes.empty())
        tensors.push_back(std::move(tensor));
  return tensors;
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
  if (const auto* const shards = model.weight_shards())
    return tensors_of(shards->ranges(), model.parameters());
  return sharded_tensors_of(model.parameters());
}

std::vector<checkpoint::ShardedTensor> trained_tensors(const Model& model) {
  return model.adapters().empty() ? model_tensors(model) : sharded_tensors_of(model.adapters());
}

}  // namespace r1::models
