#pragma once
// How many GPUs this process may use, asked of the driver alone: LibTorch's CUDA part, whose
// loading takes seconds, is not needed for it.

namespace r1::tensor {

/// 0 without a driver or without a device (CUDA_VISIBLE_DEVICES counts, as set by a job's
/// --gpus-per-node).
int num_gpus();

}  // namespace r1::tensor
