// What the kernels of decode attention share: the pieces of a row's context, and the merge of their
// results.
#pragma once
#include <cfloat>

#include "kernels/cuda/tensor_cores.cuh"

namespace r1::kernels::cuda {

constexpr int kAttentionWarps = 4, kAttentionThreads = kAttentionWarps * kWarp;
constexpr int kMostPieces = 64;  // of a context
constexpr int kMostHeads = 16;   // that a block of threads handles
constexpr float kLog2E = 1.44269504f;

/// The piece of a row's context that a block of threads attends to, in tiles.
struct Piece {
  int length;  // tokens of the context
  int first, last;
  int number, count;
};

/// The piece number blockIdx.x of a row. `tile`: tokens that are handled at once; `fewest`: tiles
/// of a piece, since less does not pay for the merge.
__device__ __forceinline__ Piece piece_of(const CudaDecodeAttention& a, int row, int tile,
                                          int fewest) {
  Piece piece;
  piece.length = a.context_lengths[row];
  const int tiles = (piece.length + tile - 1) / tile;
  const int share = (tiles + static_cast<int>(a.splits) - 1) / static_cast<int>(a.splits);
  const int size = max(fewest, share);
  piece.number = static_cast<int>(blockIdx.x);
  piece.count = (tiles + size - 1) / size;
  piece.first = piece.number * size;
  piece.last = min(tiles, piece.first + size);
  return piece;
}

/// Neighbouring values that another block has written, from the cache that all blocks share.
template <int Width>
__device__ __forceinline__ Pack<float, Width> load_cached(const float* from) {
  Pack<float, Width> pack;
  if constexpr (Width == 4) {
    const float4 values = __ldcg(reinterpret_cast<const float4*>(from));
    pack = {values.x, values.y, values.z, values.w};
  } else {
#pragma unroll
    for (int k = 0; k < Width; ++k) pack.values[k] = __ldcg(from + k);
  }
  return pack;
}

/// Numbers of a piece's part: [group, value_dim] sums, [group] maxima, [group] totals, and what
/// makes the next part begin at a multiple of 16 bytes.
__device__ __forceinline__ std::int64_t part_size(int group, int dim) {
  return (group * (dim + 2) + 3) / 4 * 4;
}

/// Sums of a piece to the result: where there is one piece, the result itself, else its part, and
/// from the last block to finish the merge. The heads are those of number `set` of the sets of
/// `group` heads that blocks of threads handle. sums [group, value_dim] are relative to maxima
/// [group] (base 2), as the weights' totals are; all in shared memory and complete. Threads take
/// Width neighbouring values, a divisor of value_dim.
template <class T, int Width>
__device__ __forceinline__ void finish(const CudaDecodeAttention& a, const Piece& piece, int row,
                                       int set, int group, const float* sums, const float* maxima,
                                       const float* totals) {
  using Values = Pack<float, Width>;
  const int dim = static_cast<int>(a.value_dim), size = group * dim;
  const int thread = static_cast<int>(threadIdx.x);
  T* const output = static_cast<T*>(a.output) + (row * a.num_heads + set * group) * a.value_dim;
  const auto write = [&](int i, const Values& values, float factor) {
    Pack<T, Width> out;
#pragma unroll
    for (int k = 0; k < Width; ++k) out.values[k] = from_float<T>(values.values[k] * factor);
    store_pack(output + i, out);
  };
  if (piece.count == 1) {
    for (int i = thread * Width; i < size; i += kAttentionThreads * Width)
      write(i, load_pack<float, Width>(sums + i), 1.0f / totals[i / dim]);
    return;
  }
  const std::int64_t pair = row * (a.num_heads / group) + set, stride = part_size(group, dim);
  float* const parts = a.parts + pair * a.splits * stride;
  float* const mine = parts + piece.number * stride;
  for (int i = thread * Width; i < size; i += kAttentionThreads * Width)
    store_pack(mine + i, load_pack<float, Width>(sums + i));
  if (thread < group) {
    mine[size + thread] = maxima[thread];
    mine[size + group + thread] = totals[thread];
  }
  __threadfence();
  __syncthreads();
  __shared__ bool is_last;
  if (thread == 0) {
    is_last = atomicAdd(a.counters + pair, 1) == piece.count - 1;
    if (is_last) a.counters[pair] = 0;  // as the next launch expects it
  }
  __syncthreads();
  if (!is_last) return;
  __threadfence();
  // What each piece's sums are multiplied by.
  __shared__ float factors[kMostPieces * kMostHeads];
  for (int i = thread; i < piece.count * group; i += kAttentionThreads)
    factors[i] = __ldcg(parts + i / group * stride + size + i % group);
  __syncthreads();
  if (thread < group) {
    float max = -FLT_MAX, total = 0.0f;
    for (int p = 0; p < piece.count; ++p) max = fmaxf(max, factors[p * group + thread]);
    for (int p = 0; p < piece.count; ++p)
      total += exp2f(factors[p * group + thread] - max) *
               __ldcg(parts + p * stride + size + group + thread);
    for (int p = 0; p < piece.count; ++p)
      factors[p * group + thread] = exp2f(factors[p * group + thread] - max) / total;
  }
  __syncthreads();
  // Two places at a time: the loads of all their parts are on their way together.
#pragma unroll 2
  for (int i = thread * Width; i < size; i += kAttentionThreads * Width) {
    Values sum{};
#pragma unroll 4
    for (int p = 0; p < piece.count; ++p) {
      const Values part = load_cached<Width>(parts + p * stride + i);
      const float factor = factors[p * group + i / dim];
#pragma unroll
      for (int k = 0; k < Width; ++k) sum.values[k] += factor * part.values[k];
    }
    write(i, sum, 1.0f);
  }
}

/// Over the 4 lanes that share a row of a 16 x 8 matrix.
__device__ __forceinline__ float quad_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(~0u, x, 1));
  return fmaxf(x, __shfl_xor_sync(~0u, x, 2));
}
__device__ __forceinline__ float quad_sum(float x) {
  x += __shfl_xor_sync(~0u, x, 1);
  return x + __shfl_xor_sync(~0u, x, 2);
}

}  // namespace r1::kernels::cuda
