#pragma once
// The memory of a GPU.
#include <ATen/core/Tensor.h>

#include <cstdint>
#include <optional>

namespace r1::tensor {

/// Bytes of a GPU and of torch's caching allocator.
struct DeviceMemory {
  std::int64_t total = 0;
  std::int64_t free = 0;  // taken by no process
  std::int64_t idle = 0;  // reserved by the allocator and not in use
};

/// None on a CPU, whose memory torch does not manage.
std::optional<DeviceMemory> device_memory(at::Device device);

}  // namespace r1::tensor
