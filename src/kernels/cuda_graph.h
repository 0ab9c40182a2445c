#pragma once
// CUDA graphs: work on a GPU that was recorded once and is launched as a whole.
#include <functional>
#include <utility>

namespace r1::kernels {

/// A recorded graph; empty until capture(). What it computes with stays where it was: tensors that
/// the recorded work reads and writes must outlive the graph and keep their memory.
class CudaGraph {
 public:
  CudaGraph() = default;
  CudaGraph(CudaGraph&& other) noexcept : graph_(std::exchange(other.graph_, nullptr)) {}
  CudaGraph& operator=(CudaGraph&& other) noexcept {
    std::swap(graph_, other.graph_);
    return *this;
  }
  ~CudaGraph();

  /// Records what `body` launches on the current device. `body` runs twice, once for real. It must
  /// not wait for the device. `pool`: a recorded graph whose working memory this one shares (the
  /// two never run at the same time), or null. Waits for the device.
  /// Throws: InternalError without CUDA kernels; what `body` throws.
  void capture(const std::function<void()>& body, const CudaGraph* pool);
  /// Launches the graph on the current stream, and returns at once.
  void replay() const;

 private:
  void* graph_ = nullptr;
};

}  // namespace r1::kernels
