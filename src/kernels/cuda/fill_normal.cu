// Normal numbers by Box-Muller, one thread for each of them.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"
#include "kernels/cuda/random.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kThreads = 256;
constexpr double kTwoPi = 6.283185307179586476925;

/// As base::normal.
__device__ double normal(std::uint64_t seed, std::uint64_t counter) {
  const double radius = sqrt(-2.0 * log1p(-uniform(seed, 2 * counter)));
  return radius * cos(kTwoPi * uniform(seed, 2 * counter + 1));
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    fill_normal_kernel(T* __restrict__ out, const __grid_constant__ CudaNormalBox box) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= box.rows * box.columns) return;
  const std::int64_t place = (box.first_row + index / box.columns) * box.whole_columns +
                             box.first_column + index % box.columns;
  out[index] = from_float<T>(static_cast<float>(
      box.standard_deviation * normal(box.seed, static_cast<std::uint64_t>(place))));
}

}  // namespace

void fill_normal(CudaType type, void* out, const CudaNormalBox& box, CudaStream stream) {
  const std::int64_t blocks = (box.rows * box.columns + kThreads - 1) / kThreads;
  if (blocks == 0) return;
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    fill_normal_kernel<<<dim3(static_cast<unsigned>(blocks)), kThreads, 0, stream_of(stream)>>>(
        static_cast<T*>(out), box);
  });
}

}  // namespace r1::kernels::cuda
