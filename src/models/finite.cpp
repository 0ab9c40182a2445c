#include "models/finite.h"

#include <ATen/ATen.h>

#include <cmath>

#include "base/errors.h"

namespace r1::models {

void require_finite(const at::Tensor& values, const std::string& file, const std::string& name) {
  if (values.numel() == 0 || values.is_meta()) return;
  const auto [low, high] = at::aminmax(values);  // NaN where a value is NaN
  if (std::isfinite(low.item<double>()) && std::isfinite(high.item<double>())) return;
  throw base::NumericalError(
      fmt::format("{}: tensor '{}': expected finite values, found NaN or infinity", file, name));
}

}  // namespace r1::models
