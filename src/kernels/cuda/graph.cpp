// CUDA graphs by LibTorch's CUDAGraph class, whose memory comes from the caching allocator.
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAFunctions.h>
#include <c10/cuda/CUDAGuard.h>

#include <memory>

#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

at::cuda::CUDAGraph* graph_of(void* graph) {
  return static_cast<at::cuda::CUDAGraph*>(graph);
}

}  // namespace

void* capture_graph(void (*body)(void*), void* argument, void* pool) {
  // One stream for all captures: cuBLAS keeps working memory for each stream that it has seen.
  thread_local const c10::cuda::CUDAStream stream = c10::cuda::getStreamFromPool();
  auto graph = std::make_unique<at::cuda::CUDAGraph>();
  c10::cuda::device_synchronize();
  {
    const c10::cuda::CUDAStreamGuard guard(stream);
    body(argument);
    c10::cuda::device_synchronize();
    graph->capture_begin(pool != nullptr ? graph_of(pool)->pool() : at::cuda::MempoolId_t{0, 0},
                         cudaStreamCaptureModeThreadLocal);
    try {
      body(argument);
    } catch (...) {
      try {
        graph->capture_end();
      } catch (const c10::Error&) {  // the first error is the one to tell
      }
      throw;
    }
    graph->capture_end();
  }
  c10::cuda::device_synchronize();
  return graph.release();
}

void replay_graph(void* graph) {
  graph_of(graph)->replay();
}

void drop_graph(void* graph) {
  c10::cuda::device_synchronize();  // it may still run
  delete graph_of(graph);
}

}  // namespace r1::kernels::cuda
