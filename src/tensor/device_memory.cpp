#include "tensor/device_memory.h"

#include <c10/core/CachingDeviceAllocator.h>

namespace r1::tensor {

std::optional<DeviceMemory> device_memory(at::Device device) {
  if (device.is_cpu()) return std::nullopt;
  auto* allocator = c10::getDeviceAllocator(device.type());
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  const auto stats = allocator->getDeviceStats(device.index());
  const auto [free, total] = allocator->getMemoryInfo(device.index());
  return DeviceMemory{static_cast<std::int64_t>(total), static_cast<std::int64_t>(free),
                      stats.reserved_bytes[all].current - stats.allocated_bytes[all].current};
}

}  // namespace r1::tensor
