#pragma once
// What a confined process may use; plain numbers, set by rlimits.
#include <cstdint>

namespace r1::rewards::sandbox {

struct Limits {
  double seconds = 1.0;            // wall clock; as many of the processor, rounded up
  std::uint64_t memory = 0;        // address space, bytes
  std::uint64_t file_bytes = 0;    // largest file it may write
  std::uint64_t output_bytes = 0;  // of standard output; more ends it
};

}  // namespace r1::rewards::sandbox
