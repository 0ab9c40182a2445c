#pragma once
// Runs a row loop over the rows of CPU logits on several threads. Private to kernels/.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "kernels/cuda_library.h"

namespace r1::kernels {

/// Whether the CPU row loops can read the logits: fp32 on the CPU, each row contiguous.
inline bool has_row_loops(const at::Tensor& logits) {
  return logits.is_cpu() && logits.dim() == 2 && logits.stride(1) == 1 &&
         logits.scalar_type() == at::kFloat;
}

/// Whether the CUDA kernels can read or write the matrix: on a GPU with loaded kernels, each row
/// contiguous.
inline bool has_row_kernels(const at::Tensor& matrix) {
  return cuda_kernels_for(matrix) != nullptr && matrix.dim() == 2 && matrix.stride(1) == 1;
}

inline float* row_of(const at::Tensor& logits, std::int64_t index) {
  return static_cast<float*>(logits.data_ptr()) + index * logits.stride(0);
}

/// Calls function(row index) for each row.
template <class Function>
void for_each_row(const at::Tensor& logits, const Function& function) {
  at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) function(row);
  });
}

}  // namespace r1::kernels
