// Splits rows of fused queries, keys and values and rotates queries and keys in one pass; the
// backward pass does the reverse. A thread processes 8 neighbouring values of a head's first half
// and the 8 corresponding values of the second half.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;
constexpr int kThreads = 256;

struct Heads {
  std::int64_t queries, keys, head_dim;  // `keys` values follow the keys
};

/// Forward: fused -> q, k, v. Otherwise: the gradients of q, k, v -> that of fused.
template <class T, bool Forward>
__global__ void __launch_bounds__(kThreads)
    split_and_rotate_kernel(T* __restrict__ fused, const float* __restrict__ cosines,
                            const float* __restrict__ sines, T* __restrict__ q, T* __restrict__ k,
                            T* __restrict__ v, std::int64_t num_items, Heads heads) {
  const std::int64_t item = std::int64_t{blockIdx.x} * kThreads + threadIdx.x;
  if (item >= num_items) return;
  const std::int64_t half = heads.head_dim / 2, packs = half / kPack;
  const std::int64_t num_heads = heads.queries + 2 * heads.keys;
  const std::int64_t column = (item % packs) * kPack, head = (item / packs) % num_heads,
                     row = item / (packs * num_heads);
  T* const whole = fused + (row * num_heads + head) * heads.head_dim + column;
  const bool is_query = head < heads.queries, is_value = head >= heads.queries + heads.keys;
  T* const part =
      (is_query   ? q + (row * heads.queries + head) * heads.head_dim
       : is_value ? v + (row * heads.keys + head - heads.queries - heads.keys) * heads.head_dim
                  : k + (row * heads.keys + head - heads.queries) * heads.head_dim) +
      column;
  const T* const from = Forward ? whole : part;
  T* const to = Forward ? part : whole;
  auto first = load_pack<T, kPack>(from), second = load_pack<T, kPack>(from + half);
  if (!is_value) {
#pragma unroll
    for (int begin = 0; begin < kPack; begin += 4) {
      const auto cosine = load_pack<float, 4>(cosines + row * half + column + begin);
      const auto sine = load_pack<float, 4>(sines + row * half + column + begin);
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float a = to_float(first.values[begin + i]), b = to_float(second.values[begin + i]);
        const float c = cosine.values[i], s = Forward ? sine.values[i] : -sine.values[i];
        first.values[begin + i] = from_float<T>(a * c - b * s);
        second.values[begin + i] = from_float<T>(b * c + a * s);
      }
    }
  }
  store_pack(to, first);
  store_pack(to + half, second);
}

template <bool Forward>
void run(CudaType type, void* fused, const float* cosines, const float* sines, void* q, void* k,
         void* v, std::int64_t rows, const Heads& heads, CudaStream stream) {
  const std::int64_t items = rows * (heads.queries + 2 * heads.keys) * (heads.head_dim / 2 / kPack);
  if (items == 0) return;
  const auto blocks = static_cast<unsigned>((items + kThreads - 1) / kThreads);
  dispatch_type(type, [&](auto value) {
    using T = decltype(value);
    split_and_rotate_kernel<T, Forward><<<blocks, kThreads, 0, stream_of(stream)>>>(
        static_cast<T*>(fused), cosines, sines, static_cast<T*>(q), static_cast<T*>(k),
        static_cast<T*>(v), items, heads);
  });
}

}  // namespace

void split_and_rotate(CudaType type, const void* fused, const float* cosines, const float* sines,
                      void* q, void* k, void* v, std::int64_t rows, std::int64_t num_heads,
                      std::int64_t num_kv_heads, std::int64_t head_dim, CudaStream stream) {
  run<true>(type, const_cast<void*>(fused), cosines, sines, q, k, v, rows,
            {num_heads, num_kv_heads, head_dim}, stream);
}

void split_and_rotate_backward(CudaType type, const void* grad_q, const void* grad_k,
                               const void* grad_v, const float* cosines, const float* sines,
                               void* grad_fused, std::int64_t rows, std::int64_t num_heads,
                               std::int64_t num_kv_heads, std::int64_t head_dim,
                               CudaStream stream) {
  run<false>(type, grad_fused, cosines, sines, const_cast<void*>(grad_q), const_cast<void*>(grad_k),
             const_cast<void*>(grad_v), rows, {num_heads, num_kv_heads, head_dim}, stream);
}

}  // namespace r1::kernels::cuda
