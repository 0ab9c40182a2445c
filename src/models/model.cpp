#include "models/model.h"

#include <ATen/ATen.h>

#include "base/random.h"
#include "kernels/random_matrix.h"
#include "models/weight_shards.h"

namespace r1::models {

std::int64_t Model::num_parameters() const {
  std::int64_t total = 0;
  for (const auto& parameter : parameters_) total += parameter.value.numel();
  return total;
}

void Model::share_out_weights(const WeightCopies& copies) {
  if (copies.all->size() > 1) weight_shards_ = std::make_shared<WeightShards>(parameters_, copies);
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
/// The box of the whole tensor that the rows of a slice are.
kernels::RandomBox random_box(const Parameter& parameter, const WeightSlice& slice,
                              std::uint64_t seed) {
  const bool whole = slice.offset.empty();
  return {base::derive_seed({seed, base::hash_name(slice.name)}), kStandardDeviation,
          whole ? 0 : slice.offset[0], whole ? 0 : slice.offset[1],
          whole_shape(parameter, slice)[1]};
}

}  // namespace

void randomize(const Parameter& parameter, std::uint64_t seed) {
  for (const auto& slice : parameter.slices) {
    auto rows = rows_of(parameter, slice);
    if (parameter.value.dim() == 1)
      rows.fill_(slice.name.ends_with("bias") ? 0.0 : 1.0);
    else
      kernels::fill_normal(rows, random_box(parameter, slice, seed));
  }
}

void randomize(Model& model, std::uint64_t seed) {
  for (const auto& parameter : model.parameters()) randomize(parameter, seed);
}

}  // namespace r1::models
