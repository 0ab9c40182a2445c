// Backward pass of the residual addition and root-mean-square norm. A thread block loops over rows,
// keeps a row in registers between the row's sum and the row's result, and sums its part of the
// weight's gradient over its rows.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;

/// 8 neighbours of S as floats, by accesses of 16 bytes.
__device__ __forceinline__ void load_floats(const float* from, float* to) {
#pragma unroll
  for (int half = 0; half < kPack; half += 4) {
    const auto pack = load_pack<float, 4>(from + half);
#pragma unroll
    for (int i = 0; i < 4; ++i) to[half + i] = pack.values[i];
  }
}
__device__ __forceinline__ void load_floats(const __nv_bfloat16* from, float* to) {
  const auto pack = load_pack<__nv_bfloat16, kPack>(from);
#pragma unroll
  for (int i = 0; i < kPack; ++i) to[i] = to_float(pack.values[i]);
}

/// T: type of weight, normed and x; S: of what was normed (fp32 for a sum, T for x itself).
template <class T, class S, int Threads, int Packs>
__global__ void __launch_bounds__(Threads)
    add_rms_norm_backward_kernel(const T* __restrict__ grad_normed,
                                 const float* __restrict__ grad_sum, const S* __restrict__ sum,
                                 const T* __restrict__ weight,
                                 const float* __restrict__ inverse_rms, T* __restrict__ grad_x,
                                 float* __restrict__ grad_residual,
                                 float* __restrict__ weight_parts, std::int64_t rows, int dim) {
  __shared__ float scratch[2][Threads / kWarp];
  float weight_sums[Packs][kPack] = {};
  int turn = 0;
  for (std::int64_t row = blockIdx.x; row < rows; row += gridDim.x, turn ^= 1) {
    const std::int64_t offset = row * dim;
    const float scale = inverse_rms[row];
    float scaled[Packs][kPack], grads[Packs][kPack];  // sum / rms; gradient x weight
    float dot = 0.0f;
#pragma unroll
    for (int p = 0; p < Packs; ++p) {
      const int column = (p * Threads + threadIdx.x) * kPack;
      if (column >= dim) continue;
      float factors[kPack];
      load_floats(sum + offset + column, scaled[p]);
      load_floats(grad_normed + offset + column, grads[p]);
      load_floats(weight + column, factors);
#pragma unroll
      for (int i = 0; i < kPack; ++i) {
        scaled[p][i] *= scale;
        weight_sums[p][i] += grads[p][i] * scaled[p][i];
        grads[p][i] *= factors[i];
        dot += grads[p][i] * scaled[p][i];
      }
    }
    // Two turns of scratch: a fast warp may be a row ahead, not two.
    const float mean = block_sum<Threads>(dot, scratch[turn]) / dim;
#pragma unroll
    for (int p = 0; p < Packs; ++p) {
      const int column = (p * Threads + threadIdx.x) * kPack;
      if (column >= dim) continue;
      float out[kPack];
#pragma unroll
      for (int i = 0; i < kPack; ++i) out[i] = scale * (grads[p][i] - scaled[p][i] * mean);
      if (grad_sum != nullptr) {
        float more[kPack];
        load_floats(grad_sum + offset + column, more);
#pragma unroll
        for (int i = 0; i < kPack; ++i) out[i] += more[i];
      }
      Pack<T, kPack> rounded;
#pragma unroll
      for (int i = 0; i < kPack; ++i) rounded.values[i] = from_float<T>(out[i]);
      store_pack(grad_x + offset + column, rounded);
      if (grad_residual == nullptr) continue;
#pragma unroll
      for (int half = 0; half < kPack; half += 4)
        store_pack(grad_residual + offset + column + half,
                   Pack<float, 4>{{out[half], out[half + 1], out[half + 2], out[half + 3]}});
    }
  }
  // One row of parts a block, summed by the caller in a fixed order.
#pragma unroll
  for (int p = 0; p < Packs; ++p) {
    const int column = (p * Threads + threadIdx.x) * kPack;
    if (column >= dim) continue;
#pragma unroll
    for (int half = 0; half < kPack; half += 4)
      store_pack(weight_parts + std::int64_t{blockIdx.x} * dim + column + half,
                 Pack<float, 4>{{weight_sums[p][half], weight_sums[p][half + 1],
                                 weight_sums[p][half + 2], weight_sums[p][half + 3]}});
  }
}

struct Arguments {
  const void* grad_normed;
  const float* grad_sum;
  const void* sum;
  const void* weight;
  const float* inverse_rms;
  void* grad_x;
  float* grad_residual;
  float* weight_parts;
  std::int64_t num_parts, rows, dim;
};

template <class T, class S, int Threads, int Packs>
void launch(const Arguments& a, cudaStream_t stream) {
  add_rms_norm_backward_kernel<T, S, Threads, Packs>
      <<<static_cast<unsigned>(a.num_parts), Threads, 0, stream>>>(
          static_cast<const T*>(a.grad_normed), a.grad_sum, static_cast<const S*>(a.sum),
          static_cast<const T*>(a.weight), a.inverse_rms, static_cast<T*>(a.grad_x),
          a.grad_residual, a.weight_parts, a.rows, static_cast<int>(a.dim));
}

template <class T, class S>
void launch_width(const Arguments& a, cudaStream_t stream) {
  if (a.dim <= 256)
    launch<T, S, 32, 1>(a, stream);
  else if (a.dim <= 1024)
    launch<T, S, 128, 1>(a, stream);
  else if (a.dim <= 2048)
    launch<T, S, 256, 1>(a, stream);
  else if (a.dim <= 4096)
    launch<T, S, 512, 1>(a, stream);
  else
    launch<T, S, 512, 2>(a, stream);
}

}  // namespace

void add_rms_norm_backward(CudaType type, const void* grad_normed, const float* grad_sum,
                           CudaType sum_type, const void* sum, const void* weight,
                           const float* inverse_rms, void* grad_x, float* grad_residual,
                           float* weight_parts, std::int64_t num_parts, std::int64_t rows,
                           std::int64_t dim, CudaStream stream) {
  if (num_parts == 0) return;
  const Arguments arguments{grad_normed,   grad_sum,     sum,       weight, inverse_rms, grad_x,
                            grad_residual, weight_parts, num_parts, rows,   dim};
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    if (sum_type == CudaType::Float32)
      launch_width<T, float>(arguments, stream_of(stream));
    else
      launch_width<T, __nv_bfloat16>(arguments, stream_of(stream));
  });
}

}  // namespace r1::kernels::cuda
