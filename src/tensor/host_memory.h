#pragma once
// Copies between a device and the host that the host does not wait for. With a GPU the host memory
// is pinned; on a CPU nothing is copied that need not be.
#include <ATen/core/Tensor.h>
#include <c10/core/Event.h>
#include <c10/core/Stream.h>

#include <optional>

namespace r1::tensor {

/// The stream on which this thread's operations on `device` run.
c10::Stream current_stream(at::Device device);

/// New host memory that `device` copies to and from directly: pinned if the device is a GPU.
at::Tensor host_memory(at::IntArrayRef sizes, at::ScalarType dtype, at::Device device);

/// The tensor itself if it is in host memory or undefined, else a copy in pinned host memory. The
/// copy is complete for later operations of the same stream; the host does not wait.
at::Tensor kept_on_host(const at::Tensor& x);

/// `host` on `device`, without a wait of the host. On a CPU the result is `host` itself.
at::Tensor to_device(const at::Tensor& host, at::Device device);

/// A copy to the host that runs behind the work of the current stream.
class HostCopy {
 public:
  /// Starts the copy of `x`. On a CPU the copy is made at once, because `x` may change later.
  explicit HostCopy(const at::Tensor& x);
  /// Waits for the copy.
  at::Tensor wait() const;

 private:
  at::Tensor host_;
  std::optional<c10::Event> done_;
};

}  // namespace r1::tensor
