#pragma once
// The launchers that the .cu files define; kernel_table.h says what each computes.
#include "kernels/cuda/kernel_table.h"

namespace r1::kernels::cuda {

void add_rms_norm(CudaType type, const void* x, const float* residual, const void* weight,
                  float* sum, void* normed, float* inverse_rms, std::int64_t rows, std::int64_t dim,
                  float epsilon, CudaStream stream);

}  // namespace r1::kernels::cuda
