#pragma once
// Which dtype this CPU multiplies matrices in fastest.
#include <ATen/core/Tensor.h>

namespace r1::mpi {

/// bf16 or fp32, by timing one product of each (about 50 ms). Call once per run and keep the
/// answer.
at::ScalarType fastest_cpu_dtype();

}  // namespace r1::mpi
