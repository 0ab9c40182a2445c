#include "models/split_model.h"

#include <ATen/ATen.h>

#include <algorithm>

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

namespace {

std::vector<WholeTensor> whole_tensors_of(const std::vector<Parameter>& parameters) {
  std::vector<WholeTensor> tensors;
  for (const auto& parameter : parameters)
    for (const auto& slice : parameter.slices)
      tensors.push_back({slice.name, whole_shape(parameter, slice), parameter.value.scalar_type()});
  return tensors;
}

}  // namespace

std::vector<WholeTensor> whole_tensors(const ModelShape& shape, at::ScalarType dtype) {
  return whole_tensors_of(make_model(shape, dtype, at::kMeta)->parameters());  // takes no memory
}

std::vector<WholeTensor> whole_trained_tensors(const ModelShape& shape, at::ScalarType dtype) {
  return whole_tensors_of(make_model(shape, dtype, at::kMeta)->trained_parameters());
}

}  // namespace r1::models
