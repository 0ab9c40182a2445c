#include "models/split_model.h"

#include <ATen/ATen.h>

#include "base/errors.h"
#include "models/registry.h"

namespace r1::models {
bool counts(const Parameter& parameter, const WeightSlice& slice, const parallel::ModelAxes& axes) {
  // Ranks of one tensor axis stand side by side, and the first of them hold replica 0.
  const bool first_replica = axes.experts->rank() < axes.tensor->size();
  return slice.copy == 0 && (parameter.expert || first_replica);
}

void sum_partial_gradients(std::span<const Parameter> parameters,
                           const std::function<at::Tensor(std::size_t)>& gradient,
                           const parallel::ModelAxes& axes) {
  if (axes.tensor->size() == 1) return;
  struct Partial {
    at::Tensor rows;                  // of the gradient
    std::vector<std::int64_t> whole;  // shape of the tensor that all copies are boxes of
    const WeightSlice* slice;
  };
  std::vector<Partial> partials;
  std::vector<at::Tensor> flat;
  for (std::size_t i = 0; i < parameters.size(); ++i)
    for (const auto& slice : parameters[i].slices) {
      if (!slice.partial_gradient) continue;
      const auto rows = gradient(i).narrow(0, slice.row_begin, slice.rows);
      const auto shape = whole_shape(parameters[i], slice);
      auto whole = at::zeros(shape, rows.options());
      box_of(whole, slice, rows.sizes()).copy_(rows);
      flat.push_back(whole.flatten());
      partials.push_back({rows, shape, &slice});
    }
  if (partials.empty()) return;
  const auto all = at::cat(flat);
  axes.tensor->all_reduce(all, parallel::ReduceOp::Sum, "partial gradients").wait();
  std::int64_t begin = 0;
  for (const auto& partial : partials) {
    const auto size = c10::multiply_integers(partial.whole);
    const auto whole = all.narrow(0, begin, size).view(partial.whole);
    partial.rows.copy_(box_of(whole, *partial.slice, partial.rows.sizes()));
    begin += size;
  }
}

std::vector<std::pair<std::string, std::vector<std::int64_t>>> whole_tensors(
    const ModelShape& shape) {
  std::vector<std::pair<std::string, std::vector<std::int64_t>>> tensors;
  const auto outline = make_model(shape, at::kFloat, at::kMeta);  // takes no memory
  for (const auto& parameter : outline->parameters())
    for (const auto& slice : parameter.slices)
      tensors.emplace_back(slice.name, whole_shape(parameter, slice));
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

void WholeTensors::add_counted(const std::string& name, at::Tensor whole,
                               const parallel::ModelAxes& axes) const {
  const auto found = places_.find(name);
  if (found == places_.end() || !counts(*found->second.first, *found->second.second, axes)) return;
  const auto rows = rows_of(*found->second.first, *found->second.second);
  box_of(whole, *found->second.second, rows.sizes()).copy_(rows);
}

at::Tensor WholeTensors::find_whole(const std::string& name) const {
  const auto found = places_.find(name);
  if (found == places_.end() || !found->second.second->offset.empty()) return {};
  return rows_of(*found->second.first, *found->second.second);
}

void for_each_whole_tensor(
    std::span<const Parameter> parameters, const ModelShape& shape, const parallel::ModelAxes& axes,
    const std::function<void(const std::string& name, const at::Tensor& whole)>& function) {
  const at::NoGradGuard no_grad;
  const WholeTensors mine({parameters.begin(), parameters.end()});
  const auto options = parameters.front().value.options().requires_grad(false);
  for (const auto& [name, sizes] : whole_tensors(shape)) {
    if (axes.experts->size() == 1) {
      function(name, mine.find_whole(name));
      continue;
    }
    auto whole = at::zeros(sizes, options);
    mine.add_counted(name, whole, axes);
    axes.experts->all_reduce(whole, parallel::ReduceOp::Sum, "a whole tensor").wait();
    function(name, whole);
  }
}

std::unique_ptr<Model> gather_model(std::span<const Parameter> parameters, const ModelShape& shape,
                                    const parallel::ModelAxes& axes, bool keep) {
  std::unique_ptr<Model> whole;
  if (keep) whole = make_model(shape, parameters.front().value.scalar_type(), at::kCPU);
  WholeTensors parts(keep ? whole->parameters() : std::vector<Parameter>());
  for_each_whole_tensor(
      parameters, shape, axes,
      [&](const std::string& name, const at::Tensor& tensor) { parts.fill(name, tensor); });
  return whole;
}

}  // namespace r1::models
