#pragma once
// The peak memory of this process so far, as counted by the operating system and by the device's
// allocator.
#include <c10/core/Device.h>

namespace r1::mpi {

/// In bytes.
struct MemoryPeak {
  double resident = 0.0;          // host memory of the process (VmHWM), including mapped files
  double device_allocated = 0.0;  // tensors on the device; 0 on a CPU
  double device_reserved = 0.0;   // device memory that the allocator holds
};

MemoryPeak memory_peak(c10::Device device);

}  // namespace r1::mpi
