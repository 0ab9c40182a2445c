#pragma once
// The most memory that this process has held so far, as the system and the device's allocator count
// it.
#include <c10/core/Device.h>

namespace r1::mpi {

/// Bytes.
struct MemoryPeak {
  double resident = 0.0;          // of the process in host memory (VmHWM), files it maps included
  double device_allocated = 0.0;  // tensors on the device; 0 on a CPU
  double device_reserved = 0.0;   // what the allocator holds of the device for them
};

MemoryPeak memory_peak(c10::Device device);

}  // namespace r1::mpi
