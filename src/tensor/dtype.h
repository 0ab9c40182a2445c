#pragma once
// Names of dtypes in configurations and files, and the opening of devices.
#include <ATen/core/Tensor.h>

#include <string>

namespace r1::tensor {

/// "fp64", "fp32", "bf16" (also "float64", "float32", "bfloat16", "fp16"). Throws: ConfigError
/// naming the text.
at::ScalarType parse_dtype(const std::string& name);
std::string dtype_name(at::ScalarType dtype);

/// Opens "cpu" or "cuda[:index]". LibTorch's CUDA library is loaded at run time, so that one binary
/// serves both devices. Throws: ConfigError if there is no GPU, no CUDA build of LibTorch, or a
/// driver that is too old.
at::Device open_device(const std::string& name, int local_rank);

}  // namespace r1::tensor
