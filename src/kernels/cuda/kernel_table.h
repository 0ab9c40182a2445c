#pragma once
// What the library r1mpi_cuda offers: a launcher for each CUDA kernel. A new kernel is a file
// `src/kernels/cuda/NAME.cu`, a line here, a line in kernel_table.cu, and a row in
// tests/unit/kernels.
//
// Launchers take raw pointers to device memory, sizes in elements, and a stream (a cudaStream_t).
// Launchers return at once: they neither allocate nor wait, so a CUDA graph can capture them.
// Pointers are of contiguous tensors unless a launcher's strides say otherwise.
#include <cstdint>

namespace r1::kernels {

/// Element types that launchers take.
enum class CudaType : int { Float32, BFloat16 };

/// cudaStream_t, without its header.
using CudaStream = void*;

struct CudaKernelTable {
  /// cudaGetLastError(): the text of an error of a launch, or null.
  const char* (*last_error)();

  /// sum = x + residual (residual null: sum = x), normed = sum / rms(sum) * weight.
  /// x, normed: `type` [rows, dim]; residual, sum: fp32 [rows, dim]; weight: `type` [dim];
  /// inverse_rms: fp32 [rows], 1 / sqrt(mean(sum^2) + epsilon). sum and inverse_rms may be null.
  /// dim <= 16,384 and a multiple of 8. Reference: arXiv 1910.07467, equation 4.
  void (*add_rms_norm)(CudaType type, const void* x, const float* residual, const void* weight,
                       float* sum, void* normed, float* inverse_rms, std::int64_t rows,
                       std::int64_t dim, float epsilon, CudaStream stream);
};

}  // namespace r1::kernels

/// The only symbol that the program looks up in r1mpi_cuda.
extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table();
