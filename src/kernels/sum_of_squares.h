#pragma once
// Sums of squares, of which gradient norms are made.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// Sum of squares of all elements in fp64, a scalar on the tensor's device. In one fixed order for
/// a given size, whatever the number of threads, but for dtypes without a kernel (those but fp32
/// and, on CPUs, bf16).
at::Tensor sum_of_squares(const at::Tensor& tensor);

/// The same by ATen.
at::Tensor sum_of_squares_reference(const at::Tensor& tensor);

}  // namespace r1::kernels
