#pragma once
// Sums of squares, for gradient norms.
#include <ATen/core/Tensor.h>

namespace r1::kernels {

/// Sum of squares of all elements in fp64, a scalar on the tensor's device. fp32, and on CPUs also
/// bf16, have kernels whose order of summation depends only on the size, not on the number of
/// threads; other dtypes use ATen, whose order is not fixed.
at::Tensor sum_of_squares(const at::Tensor& tensor);

/// The plain ATen form.
at::Tensor sum_of_squares_reference(const at::Tensor& tensor);

}  // namespace r1::kernels
