#pragma once
// Lists of numbers as tensors, and back.
#include <ATen/core/Tensor.h>

#include <vector>

namespace r1::training {

/// int64 on `device`.
at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device);
/// fp64 on the CPU.
at::Tensor to_tensor(const std::vector<double>& values);
/// Of a tensor of any dtype on any device.
std::vector<double> to_vector(const at::Tensor& values);

}  // namespace r1::training
