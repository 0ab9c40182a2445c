#include "kernels/cuda_graph.h"

#include "base/errors.h"
#include "kernels/cuda_library.h"

namespace r1::kernels {

CudaGraph::~CudaGraph() {
  if (graph_ != nullptr) cuda_kernels()->drop_graph(graph_);
}

void CudaGraph::capture(const std::function<void()>& body, const CudaGraph* pool) {
  R1_CHECK(cuda_kernels() != nullptr, "a CUDA graph without the CUDA kernels");
  auto argument = body;
  CudaGraph recorded;
  recorded.graph_ = cuda_kernels()->capture_graph(
      [](void* function) { (*static_cast<std::function<void()>*>(function))(); }, &argument,
      pool != nullptr ? pool->graph_ : nullptr);
  *this = std::move(recorded);
}

void CudaGraph::replay() const {
  cuda_kernels()->replay_graph(graph_);
}

}  // namespace r1::kernels
