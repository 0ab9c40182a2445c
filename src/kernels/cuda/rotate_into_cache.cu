// Fused rows of queries, keys and values of decode: norms of every query's and key's head if a
// model has norms, rotation, and writes of the keys and values to their places in the cache. A warp
// processes one head of a row.
#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kMostPairs = 4;  // of a lane: heads of up to 256

template <class T>
__global__ void __launch_bounds__(kThreads)
    rotate_into_cache_kernel(const __grid_constant__ CudaRotateIntoCache a) {
  wait_for_previous_kernel();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t item =
      (std::int64_t{blockIdx.x} * kThreads + static_cast<int>(threadIdx.x)) / kWarp;
  const std::int64_t num_heads = a.num_heads + 2 * a.num_kv_heads;
  if (item >= a.rows * num_heads) return;
  const std::int64_t row = item / num_heads, head = item % num_heads;
  const int half = static_cast<int>(a.head_dim / 2);
  const bool is_query = head < a.num_heads, is_value = head >= a.num_heads + a.num_kv_heads;
  const T* const from = static_cast<const T*>(a.fused) + item * a.head_dim;
  float first[kMostPairs], second[kMostPairs];
  float squares = 0.0f;
#pragma unroll
  for (int i = 0; i < kMostPairs; ++i) {
    const int column = lane + i * kWarp;
    if (column >= half) continue;
    first[i] = to_float(from[column]);
    second[i] = to_float(from[column + half]);
    squares += first[i] * first[i] + second[i] * second[i];
  }
  const T* const norm = static_cast<const T*>(is_query ? a.query_norm : a.key_norm);
  if (!is_value && norm != nullptr) {
    const float scale = rsqrtf(warp_sum(squares) / static_cast<float>(a.head_dim) + a.epsilon);
#pragma unroll
    for (int i = 0; i < kMostPairs; ++i) {
      const int column = lane + i * kWarp;
      if (column >= half) continue;
      // Rounded between the two operations, as everywhere else.
      first[i] = to_float(from_float<T>(first[i] * scale * to_float(norm[column])));
      second[i] = to_float(from_float<T>(second[i] * scale * to_float(norm[column + half])));
    }
  }
  T* to;
  if (is_query) {
    to = static_cast<T*>(a.query) + (row * a.num_heads + head) * a.head_dim;
  } else {
    const std::int64_t kv_head = head - a.num_heads - (is_value ? a.num_kv_heads : 0);
    to = static_cast<T*>(is_value ? a.value_cache : a.key_cache) +
         ((a.blocks[row] * a.num_kv_heads + kv_head) * a.block_size + a.offsets[row]) * a.head_dim;
  }
#pragma unroll
  for (int i = 0; i < kMostPairs; ++i) {
    const int column = lane + i * kWarp;
    if (column >= half) continue;
    if (!is_value) {
      const float c = a.cosines[row * half + column], s = a.sines[row * half + column];
      const float x = first[i], y = second[i];
      first[i] = x * c - y * s;
      second[i] = y * c + x * s;
    }
    to[column] = from_float<T>(first[i]);
    to[column + half] = from_float<T>(second[i]);
  }
}

}  // namespace

void rotate_into_cache(CudaType type, const CudaRotateIntoCache& a, CudaStream stream) {
  const std::int64_t warps = a.rows * (a.num_heads + 2 * a.num_kv_heads);
  if (warps == 0) return;
  const auto blocks = static_cast<unsigned>((warps * kWarp + kThreads - 1) / kThreads);
  dispatch_type(type, [&](auto value) {
    launch_early(rotate_into_cache_kernel<decltype(value)>, dim3(blocks), kThreads, 0, stream, a);
  });
}

}  // namespace r1::kernels::cuda
