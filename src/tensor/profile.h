#pragma once
// A profile of this process and its GPU, operation by operation, recorded by LibTorch's profiler.
#include <c10/core/Device.h>

#include <string>

namespace r1::tensor {

/// A recording in progress; a process has at most one at a time. The file is a Chrome trace (JSON)
/// for chrome://tracing, ui.perfetto.dev and tests/bench/profile_table.py. Recording slows steps
/// down.
class Profile {
 public:
  /// Records CPU operations, and for a GPU the kernels. Waits for the GPU first, so that the trace
  /// contains no earlier work.
  explicit Profile(at::Device device);
  ~Profile();  // drops an unwritten recording
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Waits for the GPU, ends the recording and writes the file. Throws: ConfigError if the file
  /// cannot be written.
  void write(const std::string& path);

 private:
  at::Device device_;
  bool recording_ = true;
};

}  // namespace r1::tensor
