#include "tensor/host_memory.h"

#include <ATen/ATen.h>
#include <c10/core/impl/VirtualGuardImpl.h>

namespace r1::tensor {

c10::Stream current_stream(at::Device device) {
  return c10::impl::VirtualGuardImpl(device.type()).getStream(device);
}

at::Tensor host_memory(at::IntArrayRef sizes, at::ScalarType dtype, at::Device device) {
  return at::empty(sizes, at::TensorOptions().dtype(dtype).pinned_memory(!device.is_cpu()));
}

at::Tensor kept_on_host(const at::Tensor& x) {
  if (!x.defined() || x.is_cpu()) return x;
  return host_memory(x.sizes(), x.scalar_type(), x.device()).copy_(x, /*non_blocking=*/true);
}

at::Tensor to_device(const at::Tensor& host, at::Device device) {
  return device.is_cpu() ? host : host.pin_memory().to(device, /*non_blocking=*/true);
}

HostCopy::HostCopy(const at::Tensor& x) {
  if (x.is_cpu()) {
    host_ = x.clone();
    return;
  }
  host_ = kept_on_host(x);
  done_.emplace(x.device().type());
  done_->record(current_stream(x.device()));
}

at::Tensor HostCopy::wait() const {
  if (done_) done_->synchronize();
  return host_;
}

}  // namespace r1::tensor
