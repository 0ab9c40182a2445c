#pragma once
// The project's CUDA kernels: a library of its own (r1mpi_cuda, src/kernels/cuda), loaded when a
// run opens a GPU, so that a start on CPUs loads nothing of CUDA. Only the doors of src/kernels use
// the library.
#include <ATen/core/Tensor.h>

#include <string>

#include "kernels/cuda/kernel_table.h"

namespace r1::kernels {

/// tensor::open_device(), and for a GPU the kernels with it. Where the kernels do not load, a
/// warning says why, once per process, and the doors use torch's operations. Environment:
/// R1_KERNELS=off leaves the kernels out (comparisons). Throws: as tensor::open_device().
at::Device open_device(const std::string& name, int local_rank);

/// The launchers; null where open_device() opened no GPU or loaded no kernels.
const CudaKernelTable* cuda_kernels();

/// The launchers for tensors like `x` (a CUDA tensor, fp32 or bf16); null: the plain form computes.
const CudaKernelTable* cuda_kernels_for(const at::Tensor& x);

/// The dtype of a tensor as launchers name it. The tensor is fp32 or bf16.
CudaType cuda_type(at::ScalarType dtype);

/// Whether launchers may take the tensor's pointer: contiguous, at a multiple of 16 bytes.
bool is_packed(const at::Tensor& x);
/// The tensor, or a copy of it that is_packed().
at::Tensor packed(const at::Tensor& x);

/// The stream that torch's operations on the device of `x` are issued to now.
CudaStream current_cuda_stream(const at::Tensor& x);

/// Throws: InternalError naming `kernel` when a launch was refused.
void check_launch(const CudaKernelTable& table, const char* kernel);

}  // namespace r1::kernels
