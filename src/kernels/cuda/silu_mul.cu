// The gated activation of an MLP: one pass forward, one pass backward. A thread processes 8
// neighbouring values of a row's gate and the 8 corresponding values of the up part.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;
constexpr int kThreads = 256;

__device__ __forceinline__ float sigmoid(float x) {
  return 1.0f / (1.0f + __expf(-x));
}

/// Where the pack of number `index` lies: its first gate (the up part is `dim` further), and its
/// first result.
struct Place {
  std::int64_t gate, result;
};
__device__ __forceinline__ Place place_of(std::int64_t index, std::int64_t dim) {
  const std::int64_t packs = dim / kPack, row = index / packs, column = (index % packs) * kPack;
  return {row * 2 * dim + column, row * dim + column};
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    silu_mul_kernel(const T* __restrict__ gate_up, T* __restrict__ y, std::int64_t num_packs,
                    std::int64_t dim) {
  wait_for_previous_kernel();
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= num_packs) return;
  const auto place = place_of(index, dim);
  const auto gate = load_pack<T, kPack>(gate_up + place.gate);
  const auto up = load_pack<T, kPack>(gate_up + place.gate + dim);
  Pack<T, kPack> out;
#pragma unroll
  for (int i = 0; i < kPack; ++i) {
    const float g = to_float(gate.values[i]);
    out.values[i] = from_float<T>(g * sigmoid(g) * to_float(up.values[i]));
  }
  store_pack(y + place.result, out);
}

template <class T>
__global__ void __launch_bounds__(kThreads)
    silu_mul_backward_kernel(const T* __restrict__ gate_up, const T* __restrict__ grad_y,
                             T* __restrict__ grad_gate_up, T* __restrict__ y,
                             std::int64_t num_packs, std::int64_t dim) {
  const std::int64_t index = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (index >= num_packs) return;
  const auto place = place_of(index, dim);
  const auto gate = load_pack<T, kPack>(gate_up + place.gate);
  const auto up = load_pack<T, kPack>(gate_up + place.gate + dim);
  const auto grad = load_pack<T, kPack>(grad_y + place.result);
  Pack<T, kPack> grad_gate, grad_up, out;
#pragma unroll
  for (int i = 0; i < kPack; ++i) {
    const float g = to_float(gate.values[i]), u = to_float(up.values[i]),
                dy = to_float(grad.values[i]);
    const float s = sigmoid(g), silu = g * s;
    grad_gate.values[i] = from_float<T>(dy * u * (s + silu * (1.0f - s)));
    grad_up.values[i] = from_float<T>(dy * silu);
    out.values[i] = from_float<T>(silu * u);
  }
  store_pack(grad_gate_up + place.gate, grad_gate);
  store_pack(grad_gate_up + place.gate + dim, grad_up);
  if (y != nullptr) store_pack(y + place.result, out);
}

unsigned blocks_for(std::int64_t num_packs) {
  return static_cast<unsigned>((num_packs + kThreads - 1) / kThreads);
}

}  // namespace

void silu_mul(CudaType type, const void* gate_up, void* y, std::int64_t rows, std::int64_t dim,
              CudaStream stream) {
  const std::int64_t num_packs = rows * (dim / kPack);
  if (num_packs == 0) return;
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    launch_early(silu_mul_kernel<T>, dim3(blocks_for(num_packs)), kThreads, 0, stream,
                 static_cast<const T*>(gate_up), static_cast<T*>(y), num_packs, dim);
  });
}

void silu_mul_backward(CudaType type, const void* gate_up, const void* grad_y, void* grad_gate_up,
                       void* y, std::int64_t rows, std::int64_t dim, CudaStream stream) {
  const std::int64_t num_packs = rows * (dim / kPack);
  if (num_packs == 0) return;
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    silu_mul_backward_kernel<T><<<blocks_for(num_packs), kThreads, 0, stream_of(stream)>>>(
        static_cast<const T*>(gate_up), static_cast<const T*>(grad_y),
        static_cast<T*>(grad_gate_up), static_cast<T*>(y), num_packs, dim);
  });
}

}  // namespace r1::kernels::cuda
