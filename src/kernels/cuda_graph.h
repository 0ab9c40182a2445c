#pragma once
// CUDA graphs: GPU work that is recorded once and launched as a whole.
#include <functional>
#include <utility>

namespace r1::kernels {

/// A recorded graph; empty until capture(). The graph uses the memory addresses of the recording:
/// tensors that the recorded work reads or writes must outlive the graph and keep their memory.
class CudaGraph {
 public:
  CudaGraph() = default;
  CudaGraph(CudaGraph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  CudaGraph& operator=(CudaGraph&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }
  ~CudaGraph();

  /// Records the launches of `body` on the current device. `body` runs twice: first for real, then
  /// for the recording. `body` must not wait for the device. `pool`: a recorded graph whose working
  /// memory this graph shares, or null; two graphs that share memory must never run at the same
  /// time. Waits for the device. Throws: InternalError without CUDA kernels; exceptions of `body`.
  void capture(const std::function<void()>& body, const CudaGraph* pool);
  /// Launches the graph on the current stream and returns at once.
  void replay() const;

 private:
  void* graph_ = nullptr;
};

}  // namespace r1::kernels
