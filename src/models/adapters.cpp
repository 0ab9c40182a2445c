#include "models/adapters.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/random.h"
#include "models/split_model.h"

namespace r1::models {
namespace {

/// As torch.nn.init.kaiming_uniform_(a=sqrt(5)): the bound is 1 / sqrt(columns of the whole A).
at::Tensor uniform_box(at::IntArrayRef sizes, const Parameter& adapter, const WeightSlice& slice,
                       std::uint64_t seed) {
  auto values = at::empty(sizes, at::kDouble);
  auto* data = values.mutable_data_ptr<double>();
  const auto slice_seed = base::derive_seed({seed, base::hash_name(slice.name)});
  const auto width = sizes[1], whole_width = whole_shape(adapter, slice)[1];
  const auto first_row = slice.offset.empty() ? 0 : slice.offset[0],
             first_column = slice.offset.empty() ? 0 : slice.offset[1];
  const double bound = 1.0 / std::sqrt(static_cast<double>(whole_width));
  for (std::int64_t i = 0; i < values.numel(); ++i) {
    const auto index = (first_row + i / width) * whole_width + first_column + i % width;
    data[i] = bound * (2.0 * base::uniform(slice_seed, static_cast<std::uint64_t>(index)) - 1.0);
  }
  return values;
}

}  // namespace

void initialize_adapter(const Parameter& adapter, std::uint64_t seed) {
  for (const auto& slice : adapter.slices) {
    auto rows = rows_of(adapter, slice);
    if (slice.name.ends_with(kLoraB))
      rows.zero_();
    else
      rows.copy_(uniform_box(rows.sizes(), adapter, slice, seed));
  }
}

void initialize_adapters(Model& model, std::uint64_t seed) {
  for (const auto& adapter : model.adapters()) initialize_adapter(adapter, seed);
}

std::uint64_t base_fingerprint(const Model& model) {
  const at::NoGradGuard no_grad;
  std::uint64_t sum = 0;  // modulo 2^64
  for (const auto& parameter : model.parameters())
    for (const auto& slice : parameter.slices) {
      if (!counts(parameter, slice, model.axes())) continue;
      const auto rows = rows_of(parameter, slice);
      const auto as_integers = rows.element_size() == 2   ? at::kShort
                               : rows.element_size() == 4 ? at::kInt
                                                          : at::kLong;
      const auto bits = rows.view(as_integers).sum(at::kLong).item<std::int64_t>();
      sum += (base::hash_name(slice.name) | 1U) * static_cast<std::uint64_t>(bits);
    }
  auto total = at::full({1}, static_cast<std::int64_t>(sum), at::kLong);
  model.axes()[ModelAxis::Experts]
      .all_reduce(total, parallel::ReduceOp::Sum, "fingerprint of the base")
      .wait();
  return static_cast<std::uint64_t>(total.item<std::int64_t>());
}

at::Tensor merged_weight(const Model& model, const Model::AdaptedWeight& adapted,
                         const AdapterValues& values, at::ScalarType dtype) {
  const at::NoGradGuard no_grad;
  auto merged = model.parameters()[adapted.weight].value.detach().to(dtype, /*non_blocking=*/false,
                                                                     /*copy=*/true);
  const auto& factors = *adapted.factors;
  const auto a = values(adapted.a).to(dtype), b = values(adapted.a + 1).to(dtype);
  for (std::size_t i = 0; i < factors.slices.size(); ++i)
    merged.narrow(0, factors.slices[i].begin, factors.slices[i].size)
        .addmm_(factors.second(i, b), factors.first(i, a), 1.0, factors.scale);
  return merged;
}

}  // namespace r1::models
