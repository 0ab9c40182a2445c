#include "memory_peak.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <fstream>
#include <string>

namespace r1::mpi {
namespace {

/// Not getrusage: its maximum counts what stood in the process before this program was loaded.
double peak_resident() {
  std::ifstream status("/proc/self/status");
  std::string word;
  double kilobytes = 0.0;
  while (status >> word)
    if (word == "VmHWM:") status >> kilobytes;
  return kilobytes * 1024.0;
}

}  // namespace

MemoryPeak memory_peak(c10::Device device) {
  MemoryPeak peak{peak_resident(), 0.0, 0.0};
  if (device.is_cpu()) return peak;
  const auto stats = c10::getDeviceAllocator(device.type())->getDeviceStats(device.index());
  const auto all = static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE);
  peak.device_allocated = static_cast<double>(stats.allocated_bytes[all].peak);
  peak.device_reserved = static_cast<double>(stats.reserved_bytes[all].peak);
  return peak;
}

}  // namespace r1::mpi
