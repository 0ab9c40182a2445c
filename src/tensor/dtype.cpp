#include "tensor/dtype.h"

#include <ATen/Context.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <c10/core/impl/DeviceGuardImplInterface.h>
#include <dlfcn.h>

#include "base/errors.h"

namespace r1::tensor {

at::ScalarType parse_dtype(const std::string& name) {
  if (name == "fp64" || name == "float64") return at::kDouble;
  if (name == "fp32" || name == "float32") return at::kFloat;
  if (name == "bf16" || name == "bfloat16") return at::kBFloat16;
  if (name == "fp16" || name == "float16") return at::kHalf;
  throw base::ConfigError(
      fmt::format("dtype '{}' is unknown: expected fp64, fp32, bf16 or fp16", name));
}

std::string dtype_name(at::ScalarType dtype) {
  switch (dtype) {
    case at::kDouble:
      return "fp64";
    case at::kFloat:
      return "fp32";
    case at::kBFloat16:
      return "bf16";
    case at::kHalf:
      return "fp16";
    default:
      return c10::toString(dtype);
  }
}

at::Device open_device(const std::string& name, int local_rank) {
  if (name == "cpu") return at::kCPU;
  if (name.rfind("cuda", 0) != 0)
    throw base::ConfigError(fmt::format("device '{}' is unknown: expected cpu or cuda", name));
  // Registers the CUDA kernels with the dispatcher; the program itself links the CPU part alone.
  if (::dlopen("libtorch_cuda.so", RTLD_NOW | RTLD_GLOBAL) == nullptr)
    throw base::ConfigError(
        fmt::format("device '{}': LibTorch's CUDA part does not load: {}", name, ::dlerror()));
  if (!at::globalContext().hasCUDA() || at::detail::getCUDAHooks().deviceCount() == 0)
    throw base::ConfigError(
        fmt::format("device '{}': no usable GPU on this machine (is a driver of version 580 or "
                    "newer installed?); run.device = \"auto\" or \"cpu\" also works without one",
                    name));
  const auto count = static_cast<int>(at::detail::getCUDAHooks().deviceCount());
  const at::Device device =
      name == "cuda" ? at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(local_rank % count))
                     : at::Device(name);
  if (device.index() >= count)
    throw base::ConfigError(fmt::format("device '{}': this machine has {} GPUs", name, count));
  at::globalContext().lazyInitDevice(at::kCUDA);
  // Else what names no device (events, pinned memory) makes a context of hundreds of MB on device
  // 0.
  c10::impl::getDeviceGuardImpl(at::kCUDA)->setDevice(device);
  return device;
}

}  // namespace r1::tensor
