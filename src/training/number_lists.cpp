#include "training/number_lists.h"

#include <ATen/ATen.h>

namespace r1::training {

at::Tensor to_tensor(const std::vector<std::int64_t>& values, at::Device device) {
  return at::tensor(values, at::kLong).to(device);
}

at::Tensor to_tensor(const std::vector<double>& values) {
  return at::tensor(values, at::kDouble);
}

std::vector<double> to_vector(const at::Tensor& values) {
  const auto host = values.detach().to(at::kCPU, at::kDouble).contiguous();
  return {host.const_data_ptr<double>(), host.const_data_ptr<double>() + host.numel()};
}

}  // namespace r1::training
