#include "models/model.h"

#include <ATen/ATen.h>

#include "base/random.h"

namespace r1::models {

std::int64_t Model::num_parameters() const {
  std::int64_t total = 0;
  for (const auto& parameter : parameters_) total += parameter.value.numel();
  return total;
}

void randomize(Model& model, std::uint64_t seed) {
  constexpr double kStandardDeviation = 0.02;  // initializer_range of Hugging Face's configurations
  for (auto& parameter : model.parameters()) {
    for (const auto& slice : parameter.slices) {
      auto rows = parameter.value.detach().narrow(0, slice.row_begin, slice.rows);
      if (parameter.value.dim() == 1) {
        rows.fill_(slice.name.ends_with("bias") ? 0.0 : 1.0);
        continue;
      }
      auto values = at::empty(rows.sizes(), at::kDouble);
      auto* data = values.mutable_data_ptr<double>();
      const auto slice_seed = base::derive_seed({seed, base::hash_name(slice.name)});
      for (std::int64_t i = 0; i < values.numel(); ++i)
        data[i] = kStandardDeviation * base::normal(slice_seed, static_cast<std::uint64_t>(i));
      rows.copy_(values);
    }
  }
}

}  // namespace r1::models
