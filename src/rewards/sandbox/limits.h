#pragma once
// Resource limits of a confined process, enforced by rlimits.
#include <cstdint>

namespace r1::rewards::sandbox {

struct Limits {
  double seconds = 1.0;            // wall clock, and processor time rounded up
  std::uint64_t memory = 0;        // address space, bytes
  std::uint64_t file_bytes = 0;    // size of a file that the process writes
  std::uint64_t output_bytes = 0;  // standard output; more ends the process
};

}  // namespace r1::rewards::sandbox
