#pragma once
// Calls a function template with the element type of a CPU tensor, and states from how many rows on
// the work is split over threads.
#include <ATen/Parallel.h>
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "base/errors.h"
#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Calls f.template operator()<T>() with T = double, float or c10::BFloat16.
template <class F>
decltype(auto) dispatch_cpu(at::ScalarType dtype, F&& f) {
  switch (dtype) {
    case at::kDouble:
      return f.template operator()<double>();
    case at::kFloat:
      return f.template operator()<float>();
    case at::kBFloat16:
      return f.template operator()<c10::BFloat16>();
    default:
      throw base::InternalError(fmt::format("no CPU kernel for dtype {}", c10::toString(dtype)));
  }
}

/// The dtype in which kernels accumulate: fp64 for fp64, else fp32.
inline at::ScalarType accumulator_dtype(at::ScalarType dtype) {
  return dtype == at::kDouble ? at::kDouble : at::kFloat;
}

/// With fewer rows a second thread does not pay.
inline constexpr std::int64_t kRowGrain = 16;

}  // namespace r1::kernels
