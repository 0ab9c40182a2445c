#pragma once
// AdamW on tensors: loops over one slot on a CPU, many slots in few launches on a GPU.
#include <ATen/core/Tensor.h>

#include <span>

#include "kernels/adamw_loops.h"

namespace r1::kernels {

/// The tensors of a slot, all contiguous and of equal size. All are fp32, except that `grad` may be
/// bf16 on a CPU, and `model` is bf16 or undefined.
struct AdamWTensors {
  at::Tensor master, grad, exp_avg, exp_avg_sq, model;
};

/// Whether the CPU loops accept the slot: on a CPU, with the dtypes above.
bool has_adamw_loops(const AdamWTensors& slot);

/// One AdamW step of the slot in one pass. The gradient is not changed.
void adamw_on_cpu(const AdamWTensors& slot, const AdamWFactors& factors);

/// Whether the CUDA kernel accepts the slot: on a GPU, with the dtypes above.
bool has_adamw_kernel(const AdamWTensors& slot);

/// Whether one launch should update this slot together with other slots: on a GPU, where a launch
/// for each small slot would cost more than the slot's work. The gradient is contiguous and has the
/// dtype of the master weights.
bool shares_launches(const at::Tensor& master, const at::Tensor& grad);

/// One AdamW step of all slots. The gradients are not changed.
void adamw_on_gpu(std::span<const AdamWTensors> slots, const AdamWFactors& factors);

}  // namespace r1::kernels
