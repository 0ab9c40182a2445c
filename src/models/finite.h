#pragma once
// Detects weights with NaN or infinite values when they are loaded.
#include <ATen/core/Tensor.h>

#include <string>

namespace r1::models {

/// Throws: NumericalError naming file and tensor if a value is NaN or infinite. Makes no copy.
void require_finite(const at::Tensor& values, const std::string& file, const std::string& name);

}  // namespace r1::models
