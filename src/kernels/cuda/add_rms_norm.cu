// Residual addition and root-mean-square norm in one pass over a row. Each thread keeps its part of
// the row in registers between the sum of squares and the scaling.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;  // values of a thread's access: 16 bytes of bf16

/// One block a row, Packs x kPack values a thread.
template <class T, int Threads, int Packs>
__global__ void __launch_bounds__(Threads)
    add_rms_norm_kernel(const T* __restrict__ x, const float* __restrict__ residual,
                        const T* __restrict__ weight, float* __restrict__ sum,
                        T* __restrict__ normed, float* __restrict__ inverse_rms, int dim,
                        float epsilon) {
  wait_for_previous_kernel();
  __shared__ float scratch[Threads / kWarp];
  const std::int64_t row = blockIdx.x, offset = row * dim;
  float values[Packs][kPack];
  float squares = 0.0f;
#pragma unroll
  for (int p = 0; p < Packs; ++p) {
    const int column = (p * Threads + threadIdx.x) * kPack;
    if (column >= dim) continue;
    const auto in = load_pack<T, kPack>(x + offset + column);
#pragma unroll
    for (int i = 0; i < kPack; ++i) values[p][i] = to_float(in.values[i]);
    if (residual != nullptr) {
#pragma unroll
      for (int half = 0; half < kPack; half += 4) {
        const auto more = load_pack<float, 4>(residual + offset + column + half);
#pragma unroll
        for (int i = 0; i < 4; ++i) values[p][half + i] += more.values[i];
      }
    }
    if (sum != nullptr) {
#pragma unroll
      for (int half = 0; half < kPack; half += 4) {
        Pack<float, 4> out;
#pragma unroll
        for (int i = 0; i < 4; ++i) out.values[i] = values[p][half + i];
        store_pack(sum + offset + column + half, out);
      }
    }
#pragma unroll
    for (int i = 0; i < kPack; ++i) squares += values[p][i] * values[p][i];
  }
  const float scale = rsqrtf(block_sum<Threads>(squares, scratch) / dim + epsilon);
  if (inverse_rms != nullptr && threadIdx.x == 0) inverse_rms[row] = scale;
#pragma unroll
  for (int p = 0; p < Packs; ++p) {
    const int column = (p * Threads + threadIdx.x) * kPack;
    if (column >= dim) continue;
    const auto factors = load_pack<T, kPack>(weight + column);
    Pack<T, kPack> out;
#pragma unroll
    for (int i = 0; i < kPack; ++i)
      out.values[i] = from_float<T>(values[p][i] * scale * to_float(factors.values[i]));
    store_pack(normed + offset + column, out);
  }
}

template <class T, int Threads, int Packs>
void launch(const void* x, const float* residual, const void* weight, float* sum, void* normed,
            float* inverse_rms, std::int64_t rows, std::int64_t dim, float epsilon,
            CudaStream stream) {
  launch_early(add_rms_norm_kernel<T, Threads, Packs>, dim3(static_cast<unsigned>(rows)), Threads,
               0, stream, static_cast<const T*>(x), residual, static_cast<const T*>(weight), sum,
               static_cast<T*>(normed), inverse_rms, static_cast<int>(dim), epsilon);
}

}  // namespace

void add_rms_norm(CudaType type, const void* x, const float* residual, const void* weight,
                  float* sum, void* normed, float* inverse_rms, std::int64_t rows, std::int64_t dim,
                  float epsilon, CudaStream stream) {
  if (rows == 0) return;
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    const auto run = [&](auto launcher) {
      launcher(x, residual, weight, sum, normed, inverse_rms, rows, dim, epsilon, stream);
    };
    if (dim <= 256)
      run(launch<T, 32, 1>);
    else if (dim <= 1024)
      run(launch<T, 128, 1>);
    else if (dim <= 2048)
      run(launch<T, 256, 1>);
    else if (dim <= 4096)
      run(launch<T, 256, 2>);
    else
      run(launch<T, 512, 2>);
  });
}

}  // namespace r1::kernels::cuda
