#pragma once
// Loops of a thread block over rows of logits, shared by the kernels of vocab_rows.cu and
// distillation_rows.cu.
#include <cfloat>

#include "kernels/cuda/device.cuh"

namespace r1::kernels::cuda {

constexpr int kRowThreads = 512;

/// The index in the row of the i-th value that a thread holds. A thread holds runs of 4
/// neighbouring values, and consecutive runs are one access of the whole block apart. A single
/// value is at `first`.
__device__ __forceinline__ std::int64_t value_index(std::int64_t first, int i) {
  return first + i / 4 * (kRowThreads * 4) + i % 4;
}

template <int NumRows, int N>
struct Batch {
  std::int64_t first;
  float values[NumRows][N];

  __device__ __forceinline__ std::int64_t index(int i) const { return value_index(first, i); }
};

template <int N, int NumRows>
__device__ __forceinline__ Batch<NumRows, N> load_batch(const float* const (&rows)[NumRows],
                                                        std::int64_t first) {
  Batch<NumRows, N> batch;
  batch.first = first;
#pragma unroll
  for (int r = 0; r < NumRows; ++r) {
    if constexpr (N == 1) {
      batch.values[r][0] = rows[r][first];
    } else {
#pragma unroll
      for (int i = 0; i < N; i += 4) {
        const auto pack = load_pack<float, 4>(rows[r] + value_index(first, i));
#pragma unroll
        for (int k = 0; k < 4; ++k) batch.values[r][i + k] = pack.values[k];
      }
    }
  }
  return batch;
}

/// Calls function(batch) for the values [begin, end) of NumRows rows, spread over the block's
/// threads, in batches of 16, 4 and 1 values. `in_packs`: rows[r] + begin is aligned to 16 bytes
/// for each row r.
template <int NumRows, class Function>
__device__ __forceinline__ void for_each_batch(const float* const (&rows)[NumRows],
                                               std::int64_t begin, std::int64_t end, bool in_packs,
                                               const Function& function) {
  constexpr int kAccess = kRowThreads * 4;
  const std::int64_t whole = in_packs ? begin + (end - begin) / 4 * 4 : begin;
  std::int64_t j = begin + threadIdx.x * 4;
  for (; j + 3 * kAccess < whole; j += 4 * kAccess) function(load_batch<16>(rows, j));
  for (; j < whole; j += kAccess) function(load_batch<4>(rows, j));
  for (j = whole + threadIdx.x; j < end; j += kRowThreads) function(load_batch<1>(rows, j));
}

/// Writes the results of a batch's values to the row `out`.
template <class T, int NumRows, int N>
__device__ __forceinline__ void store_batch(T* out, const Batch<NumRows, N>& batch,
                                            const float (&results)[N]) {
  if constexpr (N == 1) {
    out[batch.first] = from_float<T>(results[0]);
  } else {
#pragma unroll
    for (int i = 0; i < N; i += 4) {
      Pack<T, 4> pack;
#pragma unroll
      for (int k = 0; k < 4; ++k) pack.values[k] = from_float<T>(results[i + k]);
      store_pack(out + batch.index(i), pack);
    }
  }
}

/// Whether each row begins at an address that is a multiple of 4 values.
template <class T>
__device__ __forceinline__ bool starts_packs(const T* data, std::int64_t stride) {
  return stride % 4 == 0 && reinterpret_cast<std::uintptr_t>(data) % (4 * sizeof(T)) == 0;
}

/// Reduces one value per thread over the block and returns the result to every thread. `scratch`:
/// shared memory, one float per warp.
template <class Combine>
__device__ __forceinline__ float block_reduce(float x, float* scratch, const Combine& combine) {
  constexpr int kWarps = kRowThreads / kWarp;
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    x = combine(x, __shfl_xor_sync(~0u, x, offset));
  __syncthreads();  // other warps may still read scratch
  if (threadIdx.x % kWarp == 0) scratch[threadIdx.x / kWarp] = x;
  __syncthreads();
  float result = scratch[0];
#pragma unroll
  for (int i = 1; i < kWarps; ++i) result = combine(result, scratch[i]);
  return result;
}
__device__ __forceinline__ float block_max(float x, float* scratch) {
  return block_reduce(x, scratch, [](float a, float b) { return fmaxf(a, b); });
}
__device__ __forceinline__ float block_total(float x, float* scratch) {
  return block_reduce(x, scratch, [](float a, float b) { return a + b; });
}

/// A sum of exponentials relative to the largest value so far. A value that is not finite makes the
/// sum NaN.
struct RunningSum {
  float max = -FLT_MAX;
  float sum = 0.0f;

  /// Makes `value` the maximum if `value` is larger. Rescales `sum`, and returns the factor by
  /// which the caller must rescale its own sums of e^(z - max) f(z).
  __device__ __forceinline__ float raise(float value) {
    if (value <= max) return 1.0f;
    const float factor = __expf(max - value);
    sum *= factor;
    max = value;
    return factor;
  }
};

template <int N>
__device__ __forceinline__ float largest(const float (&values)[N]) {
  float result = values[0];
#pragma unroll
  for (int i = 1; i < N; ++i) result = fmaxf(result, values[i]);
  return result;
}

}  // namespace r1::kernels::cuda
