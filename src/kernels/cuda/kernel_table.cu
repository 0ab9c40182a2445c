// The table of launchers (kernel_table.h).
#include "kernels/cuda/kernel_table.h"

#include "kernels/cuda/launchers.cuh"

namespace {

const char* last_error() {
  const cudaError_t error = cudaGetLastError();
  return error == cudaSuccess ? nullptr : cudaGetErrorString(error);
}

constexpr r1::kernels::CudaKernelTable kTable{
    last_error,
    r1::kernels::cuda::add_rms_norm,
};

}  // namespace

extern "C" const r1::kernels::CudaKernelTable* r1_cuda_kernel_table() {
  return &kTable;
}
