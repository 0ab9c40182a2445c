#pragma once
// A trace of what this process and its GPU do, operation by operation, by LibTorch's own profiler.
#include <c10/core/Device.h>

#include <string>

namespace r1::tensor {

/// A trace under way, at most one in a process at a time. Its file is a Chrome trace (JSON), for
/// chrome://tracing, ui.perfetto.dev and tests/bench/profile_table.py. Recording slows steps down.
class Profile {
 public:
  /// Records CPU operations, and for a GPU what runs on it. Waits for the GPU, so that the trace
  /// holds nothing from before.
  explicit Profile(at::Device device);
  ~Profile();  // drops a trace that was not written
  Profile(const Profile&) = delete;
  Profile& operator=(const Profile&) = delete;

  /// Waits for the GPU, ends the recording and writes it. Throws: ConfigError when the file cannot
  /// be written.
  void write(const std::string& path);

 private:
  at::Device device_;
  bool recording_ = true;
};

}  // namespace r1::tensor
