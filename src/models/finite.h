#pragma once
// Weights that are no numbers are found where they are read, not where they are used.
#include <ATen/core/Tensor.h>

#include <string>

namespace r1::models {

/// Throws: NumericalError naming file and tensor when a value is NaN or infinite. Copies nothing.
void require_finite(const at::Tensor& values, const std::string& file, const std::string& name);

}  // namespace r1::models
