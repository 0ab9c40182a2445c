#pragma once
// Conversion between lists of numbers and tensors.
#include <ATen/core/Tensor.h>

#include <vector>

namespace r1::training {

/// Returns an int64 tensor on `device`.
at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device);
/// Returns an fp64 tensor on the CPU.
at::Tensor to_tensor(const std::vector<double>& values);
/// Accepts a tensor of any dtype on any device.
std::vector<double> to_vector(const at::Tensor& values);

}  // namespace r1::training
