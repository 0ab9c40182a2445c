#pragma once
// Measures in which dtype this CPU multiplies matrices fastest.
#include <ATen/core/Tensor.h>

namespace r1::mpi {

/// Returns bf16 or fp32, by timing one product of each (about 50 ms). Call once per run and keep
/// the result.
at::ScalarType fastest_cpu_dtype();

}  // namespace r1::mpi
