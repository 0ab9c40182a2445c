#include "models/model.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>

#include "base/random.h"

namespace r1::models {

std::int64_t Model::num_parameters() const {
  std::int64_t total = 0;
  for (const auto& parameter : parameters_) total += parameter.value.numel();
  return total;
}

void Model::use_adapters(bool on) {
  for (const auto& adapted : adapted_weights_) adapted.factors->on = on;
}

at::Tensor rows_of(const Parameter& parameter, const WeightSlice& slice) {
  return parameter.value.detach().narrow(0, slice.row_begin, slice.rows);
}

at::Tensor box_of(const at::Tensor& whole, const WeightSlice& slice, at::IntArrayRef extent) {
  auto box = whole;
  for (std::size_t dim = 0; dim < slice.offset.size(); ++dim)
    box = box.narrow(static_cast<std::int64_t>(dim), slice.offset[dim], extent[dim]);
  return box;
}

std::vector<std::int64_t> whole_shape(const Parameter& parameter, const WeightSlice& slice) {
  if (!slice.shape.empty()) return slice.shape;
  auto shape = parameter.value.sizes().vec();
  shape[0] = slice.rows;
  return shape;
}

namespace {

constexpr double kStandardDeviation = 0.02;  // initializer_range of Hugging Face's configurations
constexpr std::int64_t kDrawsOfAThread = 1 << 14;  // at least

/// Normal numbers of this box of the whole tensor; each is a function of the seed, the tensor's
/// name and its place there, so that they do not depend on how the tensor is split.
at::Tensor random_box(at::IntArrayRef sizes, const Parameter& parameter, const WeightSlice& slice,
                      std::uint64_t seed) {
  auto values = at::empty(sizes, at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  const auto slice_seed = base::derive_seed({seed, base::hash_name(slice.name)});
  const auto width = sizes[1], whole_width = whole_shape(parameter, slice)[1];
  const bool whole = slice.offset.empty();
  const auto first_row = whole ? 0 : slice.offset[0], first_column = whole ? 0 : slice.offset[1];
  at::parallel_for(0, values.numel(), kDrawsOfAThread, [&](std::int64_t begin, std::int64_t end) {
    for (auto i = begin; i < end; ++i) {
      const auto index = (first_row + i / width) * whole_width + first_column + i % width;
      data[i] = kStandardDeviation * base::normal(slice_seed, static_cast<std::uint64_t>(index));
    }
  });
  return values;
}

}  // namespace

void randomize(const Parameter& parameter, std::uint64_t seed) {
  for (const auto& slice : parameter.slices) {
    auto rows = rows_of(parameter, slice);
    if (parameter.value.dim() == 1)
      rows.fill_(slice.name.ends_with("bias") ? 0.0 : 1.0);
    else
      rows.copy_(random_box(rows.sizes(), parameter, slice, seed));
  }
}

void randomize(Model& model, std::uint64_t seed) {
  for (const auto& parameter : model.parameters()) randomize(parameter, seed);
}

}  // namespace r1::models
