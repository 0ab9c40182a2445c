#pragma once
// Runs a row loop over the rows of CPU logits of either dtype, on several threads. Private to
// parallel/.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "tensor/simd.h"

namespace r1::parallel {

/// CPU logits that the row loops can read: fp32 or bfloat16, each row contiguous.
inline bool has_row_loops(const at::Tensor& logits) {
  return logits.is_cpu() && logits.dim() == 2 && logits.stride(1) == 1 &&
         (logits.scalar_type() == at::kFloat || logits.scalar_type() == at::kBFloat16);
}

/// Row `index` of logits whose elements are T.
template <class T>
T* row_of(const at::Tensor& logits, std::int64_t index) {
  return static_cast<T*>(logits.data_ptr()) + index * logits.stride(0);
}

/// Calls function(T{}, row index) for each row, with T = float or Bfloat16Bits as the logits are.
template <class Function>
void for_each_row(const at::Tensor& logits, const Function& function) {
  at::parallel_for(0, logits.size(0), 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      if (logits.scalar_type() == at::kFloat)
        function(float{}, row);
      else
        function(tensor::Bfloat16Bits{}, row);
    }
  });
}

}  // namespace r1::parallel
