#pragma once
// Access to the project's CUDA kernels. The kernels are in a separate library (r1mpi_cuda,
// src/kernels/cuda), which is loaded when a run opens a GPU; a run on CPUs loads no CUDA library.
// Only the functions of src/kernels use the library.
#include <ATen/core/Tensor.h>

#include <string>

#include "kernels/cuda/kernel_table.h"

namespace r1::kernels {

/// Calls tensor::open_device(), and loads the kernels if the device is a GPU. If the kernels do not
/// load, a warning gives the reason once per process, and the functions of src/kernels use torch's
/// operations. The environment variable R1_KERNELS=off disables the kernels, for comparisons.
/// Throws: as tensor::open_device().
at::Device open_device(const std::string& name, int local_rank);

/// The launchers; null if open_device() opened no GPU or loaded no kernels.
const CudaKernelTable* cuda_kernels();

/// The launchers if `x` is a CUDA tensor in fp32 or bf16 and the kernels are loaded; else null, and
/// the caller uses the plain form.
const CudaKernelTable* cuda_kernels_for(const at::Tensor& x);

/// The CudaType of a dtype, which must be fp32 or bf16.
CudaType cuda_type(at::ScalarType dtype);

/// Whether launchers may take the tensor's pointer: the tensor is contiguous and starts at a
/// multiple of 16 bytes.
bool is_packed(const at::Tensor& x);
/// Returns the tensor, or a packed copy if the tensor is not is_packed().
at::Tensor packed(const at::Tensor& x);

/// The stream on which torch now issues operations on the device of `x`.
CudaStream current_cuda_stream(const at::Tensor& x);

/// Throws: InternalError with the name `kernel` if a launch failed.
void check_launch(const CudaKernelTable& table, const char* kernel);

}  // namespace r1::kernels
