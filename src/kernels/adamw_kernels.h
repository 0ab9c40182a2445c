#pragma once
// The optimizer's CUDA kernels on tensors: AdamW over many slots in few launches, sums of squares.
#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/adamw_loops.h"

namespace r1::kernels {

/// A slot's tensors, all contiguous and of one size: fp32, `model` bf16 or undefined.
struct AdamWTensors {
  at::Tensor master, grad, exp_avg, exp_avg_sq, model;
};

/// Whether the kernel takes them: on a GPU, with these dtypes.
bool has_adamw_kernel(const AdamWTensors& slot);

/// One AdamW step of all slots; the gradients are not changed.
void adamw_on_gpu(std::span<const AdamWTensors> slots, const AdamWFactors& factors);

/// Whether sum_of_squares_on_gpu takes it: fp32, on a GPU, contiguous.
bool has_squares_kernel(const at::Tensor& tensor);
/// Sum of squares, scalar fp64 on the device, for a given size in one fixed order.
at::Tensor sum_of_squares_on_gpu(const at::Tensor& tensor);

}  // namespace r1::kernels
