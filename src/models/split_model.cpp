#include "models/split_model.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <optional>

#include "base/errors.h"
#include "models/registry.h"

namespace r1::models {
bool counts_shared_parameters(const parallel::ModelAxes& axes) {
  // Ranks of one tensor axis stand side by side, and the first of them hold replica 0.
  return axes.rank(ModelAxis::Experts) < axes.size(ModelAxis::Tensor);
}

bool counts(const Parameter& parameter, const WeightSlice& slice, const parallel::ModelAxes& axes) {
  return slice.copy == 0 && (parameter.expert || counts_shared_parameters(axes));
}

SlicePart part_of(const FlatRange& range, const Parameter& parameter, const WeightSlice& slice) {
  const auto width = parameter.value.numel() / parameter.value.size(0);
  const auto first = slice.row_begin * width;
  const auto begin = std::max(range.begin, first),
             end = std::min(range.begin + range.values.numel(), first + slice.rows * width);
  if (begin >= end) return {0, range.values.narrow(0, 0, 0)};
  return {begin - first, range.values.narrow(0, begin - range.begin, end - begin)};
}

void sum_partial_gradients(std::span<const Parameter> parameters,
                           std::span<const FlatRange> gradients, const at::TensorOptions& options,
                           const parallel::ModelAxes& axes, parallel::Communicator& data) {
  if (axes.size(ModelAxis::Tensor) == 1) return;
  std::vector<const FlatRange*> held(parameters.size(), nullptr);
  for (const auto& range : gradients) held[range.parameter] = &range;
  struct Partial {
    std::size_t parameter;
    const WeightSlice* slice;
    std::vector<std::int64_t> whole;  // shape of the tensor that all copies are boxes of
    std::int64_t begin;               // in the buffer of all of them
  };
  std::vector<Partial> partials;
  std::int64_t total = 0;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    for (const auto& slice : parameters[i].slices) {
      if (!slice.partial_gradient) continue;
      partials.push_back({i, &slice, whole_shape(parameters[i], slice), total});
      total += c10::multiply_integers(partials.back().whole);
    }
  if (partials.empty()) return;
  const auto all = at::zeros({total}, options);
  const auto for_each = [&](const auto& use) {
    for (const auto& partial : partials) {
      const auto& parameter = parameters[partial.parameter];
      auto extent = parameter.value.sizes().vec();
      extent[0] = partial.slice->rows;
      const auto whole =
          all.narrow(0, partial.begin, c10::multiply_integers(partial.whole)).view(partial.whole);
      if (const auto* range = held[partial.parameter])
        use(box_of(whole, *partial.slice, extent), part_of(*range, parameter, *partial.slice));
    }
  };
  for_each([&](at::Tensor box, const SlicePart& part) {
    auto rows = at::zeros(box.sizes(), options);
    rows.view(-1).narrow(0, part.in_slice, part.values.numel()).copy_(part.values);
    box.copy_(rows);
  });
  for (auto* ranks : {&data, &axes[ModelAxis::Tensor]})
    ranks->all_reduce(all, parallel::ReduceOp::Sum, "partial gradients").wait();
  for_each([&](const at::Tensor& box, const SlicePart& part) {
    part.values.copy_(box.reshape(-1).narrow(0, part.in_slice, part.values.numel()));
  });
}

std::vector<WholeTensor> whole_tensors(const ModelShape& shape, at::ScalarType dtype) {
  std::vector<WholeTensor> tensors;
  const auto outline = make_model(shape, dtype, at::kMeta);  // takes no memory
  for (const auto& parameter : outline->parameters())
    for (const auto& slice : parameter.slices)
      tensors.push_back({slice.name, whole_shape(parameter, slice), parameter.value.scalar_type()});
  return tensors;
}

WholeTensors::WholeTensors(std::vector<Parameter> parameters) : parameters_(std::move(parameters)) {
  for (const auto& parameter : parameters_)
    for (const auto& slice : parameter.slices) places_[slice.name] = {&parameter, &slice};
}

void WholeTensors::fill(const std::string& name, const at::Tensor& whole) {
  const auto found = places_.find(name);
  if (found == places_.end()) return;
  const auto rows = rows_of(*found->second.first, *found->second.second);
  rows.copy_(box_of(whole, *found->second.second, rows.sizes()));
}

void for_each_whole_tensor(std::span<const Parameter> parameters, const ParameterValues& values,
                           const ModelShape& shape, const parallel::ModelAxes& axes,
                           const UseTensor& use) {
  const at::NoGradGuard no_grad;
  std::map<std::string, std::pair<std::size_t, const WeightSlice*>> places;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    for (const auto& slice : parameters[i].slices) places[slice.name] = {i, &slice};
  Parameter held;  // of the last tensor: the slices of a parameter follow each other
  std::optional<std::size_t> number;
  for (const auto& [name, sizes, dtype] :
       whole_tensors(shape, c10::typeMetaToScalarType(values.options.dtype()))) {
    const auto place = places.find(name);
    if (place != places.end() && number != place->second.first) {
      number = place->second.first;
      held = parameters[*number];
      held.value = values.value(*number);
    }
    if (axes.size(ModelAxis::Experts) == 1) {
      use(name, rows_of(held, *place->second.second).to(dtype));
      continue;
    }
    auto whole = at::zeros(sizes, values.options.dtype(dtype));
    if (place != places.end() && counts(held, *place->second.second, axes)) {
      const auto rows = rows_of(held, *place->second.second);
      box_of(whole, *place->second.second, rows.sizes()).copy_(rows);
    }
    axes[ModelAxis::Experts].all_reduce(whole, parallel::ReduceOp::Sum, "a whole tensor").wait();
    use(name, whole);
  }
}

void for_each_whole_tensor(std::span<const Parameter> parameters, const ModelShape& shape,
                           const parallel::ModelAxes& axes, const UseTensor& use) {
  const auto options = parameters.front().value.options().requires_grad(false);
  const auto value = [&](std::size_t i) { return parameters[i].value; };
  for_each_whole_tensor(parameters, {options, value}, shape, axes, use);
}

std::unique_ptr<Model> gather_model(std::span<const Parameter> parameters,
                                    const ParameterValues& values, const ModelShape& shape,
                                    const parallel::ModelAxes& axes, bool keep) {
  std::unique_ptr<Model> whole;
  if (keep) whole = make_model(shape, c10::typeMetaToScalarType(values.options.dtype()), at::kCPU);
  WholeTensors parts(keep ? whole->parameters() : std::vector<Parameter>());
  for_each_whole_tensor(
      parameters, values, shape, axes,
      [&](const std::string& name, const at::Tensor& tensor) { parts.fill(name, tensor); });
  return whole;
}

}  // namespace r1::models
