#pragma once
// AdamW's kernels on tensors: loops for a slot on a CPU, many slots in few launches on a GPU.
#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/adamw_loops.h"

namespace r1::kernels {

/// A slot's tensors, all contiguous and of one size: fp32 (on a CPU `grad` may be bf16), `model`
/// bf16 or undefined.
struct AdamWTensors {
  at::Tensor master, grad, exp_avg, exp_avg_sq, model;
};

/// Whether the loops take them: on a CPU, with these dtypes.
bool has_adamw_loops(const AdamWTensors& slot);

/// One AdamW step of the slot in one pass; the gradient is not changed.
void adamw_on_cpu(const AdamWTensors& slot, const AdamWFactors& factors);

/// Whether the kernel takes them: on a GPU, with these dtypes.
bool has_adamw_kernel(const AdamWTensors& slot);

/// One AdamW step of all slots; the gradients are not changed.
void adamw_on_gpu(std::span<const AdamWTensors> slots, const AdamWFactors& factors);

}  // namespace r1::kernels
