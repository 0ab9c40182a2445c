// Attention of one query token per row over a paged cache, split over the context (flash decoding).
// Each thread block attends to a piece of one row's context, for all query heads that share a KV
// head. The last thread block of a row to finish merges the pieces by their log-sum-exp. Reference:
// Dao et al., "Flash-Decoding for long-context inference", 2023; arXiv 2307.08691.
#include "kernels/cuda/decode_pieces.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kWarps = kAttentionWarps, kThreads = kAttentionThreads;
constexpr int kTile = 16;         // tokens that a warp handles at once
constexpr int kFewestTiles = 16;  // of a piece

/// Where a token's key or value begins in its cache.
__device__ __forceinline__ std::int64_t place_of(const CudaDecodeAttention& a, int row, int kv_head,
                                                 int token) {
  const int size = static_cast<int>(a.block_size);
  const std::int64_t block = a.block_table[row * a.table_width + token / size];
  return ((block * a.num_kv_heads + kv_head) * size + token % size) * a.head_dim;
}

/// bf16 by tensor cores. The query heads of a KV head are the 16 rows of the products (Halves = 1:
/// at most 8 of them). The order of the inner dimension is free as long as both factors have the
/// same one, so every lane loads 16 neighbouring bytes of keys and of values and nothing goes
/// through shared memory.
template <int Dim, int Halves>
__global__ void __launch_bounds__(kThreads)
    attend_bf16_kernel(const __grid_constant__ CudaDecodeAttention a) {
  constexpr int kSteps = Dim / 32;  // of 32 dimensions of the scores
  constexpr int kSets = Dim / 64;   // of 64 dimensions of the sums
  constexpr int kHeads = 8 * Halves;
  __shared__ alignas(16) float warp_sums[kWarps][kHeads * Dim];
  __shared__ float warp_maxima[kWarps][kHeads], warp_totals[kWarps][kHeads];
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.z), kv_head = static_cast<int>(blockIdx.y);
  const Piece piece = piece_of(a, row, kTile, kFewestTiles);
  if (piece.number >= piece.count) return;
  const int group = static_cast<int>(a.num_heads / a.num_kv_heads);
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const int r = lane / 4, q = lane % 4;
  const auto* const keys = static_cast<const __nv_bfloat16*>(a.key_cache);
  const auto* const values = static_cast<const __nv_bfloat16*>(a.value_cache);

  unsigned queries[Dim / 16][4];  // as the left factor
#pragma unroll
  for (int c = 0; c < kSteps; ++c) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      Pack<unsigned, 4> words{};
      const int head = r + 8 * half;
      if (half < Halves && head < group)
        words = load_pack<unsigned, 4>(reinterpret_cast<const unsigned*>(
            static_cast<const __nv_bfloat16*>(a.query) +
            (row * a.num_heads + kv_head * group + head) * Dim + c * 32 + q * 8));
      queries[2 * c][half] = words.values[0];
      queries[2 * c][half + 2] = words.values[1];
      queries[2 * c + 1][half] = words.values[2];
      queries[2 * c + 1][half + 2] = words.values[3];
    }
  }

  float sums[kSets][8][4] = {};
  float maxima[Halves], totals[Halves];
#pragma unroll
  for (int half = 0; half < Halves; ++half) {
    maxima[half] = -FLT_MAX;
    totals[half] = 0.0f;
  }
  const float scale = a.scale * kLog2E;
  int tile = piece.first + warp;
  std::int64_t next_place = tile < piece.last ? place_of(a, row, kv_head, tile * kTile) : 0;
  for (; tile < piece.last; tile += kWarps) {
    const int token0 = tile * kTile;
    const std::int64_t place = next_place;
    // Looked up here, so that the next tile does not wait for it.
    if (tile + kWarps < piece.last) next_place = place_of(a, row, kv_head, (tile + kWarps) * kTile);
    Pack<unsigned, 4> key_words[2][kSteps], value_words[kSets][4];
#pragma unroll
    for (int n = 0; n < 2; ++n)
#pragma unroll
      for (int c = 0; c < kSteps; ++c)
        key_words[n][c] = load_pack<unsigned, 4>(
            reinterpret_cast<const unsigned*>(keys + place + (n * 8 + r) * Dim + c * 32 + q * 8));
#pragma unroll
    for (int set = 0; set < kSets; ++set)
#pragma unroll
      for (int t = 0; t < 4; ++t) {
        const int token = 2 * q + t % 2 + t / 2 * 8;
        value_words[set][t] = load_pack<unsigned, 4>(
            reinterpret_cast<const unsigned*>(values + place + token * Dim + set * 64 + r * 8));
        // What lies behind the context has no weight, but 0 x NaN is NaN.
        if (token0 + token >= piece.length) value_words[set][t] = Pack<unsigned, 4>{};
      }
    float scores[2][4] = {};
#pragma unroll
    for (int c = 0; c < kSteps; ++c)
#pragma unroll
      for (int n = 0; n < 2; ++n) {
        const auto& words = key_words[n][c].values;
        multiply_add(scores[n], queries[2 * c], words[0], words[1]);
        multiply_add(scores[n], queries[2 * c + 1], words[2], words[3]);
      }
    unsigned weights[4] = {};
#pragma unroll
    for (int half = 0; half < Halves; ++half) {
      float z[2][2];
      float max = maxima[half];
#pragma unroll
      for (int n = 0; n < 2; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          const bool inside = token0 + n * 8 + 2 * q + i < piece.length;
          z[n][i] = inside ? scores[n][2 * half + i] * scale : -FLT_MAX;
          max = fmaxf(max, z[n][i]);
        }
      max = quad_max(max);
      const float factor = exp2f(maxima[half] - max);
      maxima[half] = max;
      totals[half] *= factor;
#pragma unroll
      for (int n = 0; n < 2; ++n) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          z[n][i] = exp2f(z[n][i] - max);
          totals[half] += z[n][i];
        }
        weights[half + 2 * n] = packed_pair(z[n][0], z[n][1]);
      }
#pragma unroll
      for (int set = 0; set < kSets; ++set)
#pragma unroll
        for (int j = 0; j < 8; ++j) {
          sums[set][j][2 * half] *= factor;
          sums[set][j][2 * half + 1] *= factor;
        }
    }
#pragma unroll
    for (int set = 0; set < kSets; ++set)
#pragma unroll
      for (int j = 0; j < 8; ++j) {
        const auto& v = value_words[set];
        const unsigned halves = j % 2 == 0 ? 0x5410 : 0x7632;
        multiply_add(sums[set][j], weights,
                     __byte_perm(v[0].values[j / 2], v[1].values[j / 2], halves),
                     __byte_perm(v[2].values[j / 2], v[3].values[j / 2], halves));
      }
  }

  // The warps' sums to the block's.
#pragma unroll
  for (int half = 0; half < Halves; ++half) {
    const float total = quad_sum(totals[half]);
    if (q == 0) {
      warp_maxima[warp][r + 8 * half] = maxima[half];
      warp_totals[warp][r + 8 * half] = total;
    }
  }
  __syncthreads();
#pragma unroll
  for (int half = 0; half < Halves; ++half) {
    const int head = r + 8 * half;
    float max = warp_maxima[0][head];
#pragma unroll
    for (int w = 1; w < kWarps; ++w) max = fmaxf(max, warp_maxima[w][head]);
    const float factor = exp2f(maxima[half] - max);
#pragma unroll
    for (int set = 0; set < kSets; ++set)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        float* const to = warp_sums[warp] + head * Dim + set * 64 + (2 * q + i) * 8;
#pragma unroll
        for (int j = 0; j < 8; j += 4) {
          Pack<float, 4> out;
#pragma unroll
          for (int k = 0; k < 4; ++k) out.values[k] = sums[set][j + k][2 * half + i] * factor;
          store_pack(to + j, out);
        }
      }
  }
  __syncthreads();
  for (int i = threadIdx.x; i < group * Dim; i += kThreads)
    warp_sums[0][i] += warp_sums[1][i] + warp_sums[2][i] + warp_sums[3][i];
  if (static_cast<int>(threadIdx.x) < group) {
    const int head = static_cast<int>(threadIdx.x);
    float max = warp_maxima[0][head], total = 0.0f;
    for (int w = 1; w < kWarps; ++w) max = fmaxf(max, warp_maxima[w][head]);
    for (int w = 0; w < kWarps; ++w)
      total += warp_totals[w][head] * exp2f(warp_maxima[w][head] - max);
    warp_maxima[0][head] = max;
    warp_totals[0][head] = total;
  }
  __syncthreads();
  finish<__nv_bfloat16, 4>(a, piece, row, kv_head, group, warp_sums[0], warp_maxima[0],
                           warp_totals[0]);
}

constexpr int kWidest = 256;  // of a head in the plain kernel

/// Any dtype, width and block size: a warp takes one token at a time, a query head after the other.
template <class T>
__global__ void __launch_bounds__(kThreads)
    attend_kernel(const __grid_constant__ CudaDecodeAttention a) {
  extern __shared__ float
      shared[];  // the block's sums [group, head_dim], then the warps' of a head
  __shared__ float maxima[kMostHeads], totals[kMostHeads];
  __shared__ float warp_maxima[kWarps], warp_totals[kWarps];
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.z), kv_head = static_cast<int>(blockIdx.y);
  const Piece piece = piece_of(a, row, kTile, kFewestTiles);
  if (piece.number >= piece.count) return;
  const int dim = static_cast<int>(a.head_dim);
  const int group = static_cast<int>(a.num_heads / a.num_kv_heads);
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const auto* const keys = static_cast<const T*>(a.key_cache);
  const auto* const values = static_cast<const T*>(a.value_cache);
  float* const warp_sums = shared + group * dim;
  const float scale = a.scale * kLog2E;
  for (int head = 0; head < group; ++head) {
    const T* const query =
        static_cast<const T*>(a.query) + (row * a.num_heads + kv_head * group + head) * a.head_dim;
    float mine[kWidest / kWarp], sums[kWidest / kWarp] = {};
#pragma unroll
    for (int i = 0; i < kWidest / kWarp; ++i)
      mine[i] = lane + i * kWarp < dim ? to_float(query[lane + i * kWarp]) : 0.0f;
    float max = -FLT_MAX, total = 0.0f;
    const int end = min(piece.length, piece.last * kTile);
    for (int token = piece.first * kTile + warp; token < end; token += kWarps) {
      const std::int64_t place = place_of(a, row, kv_head, token);
      float score = 0.0f;
#pragma unroll
      for (int i = 0; i < kWidest / kWarp; ++i)
        if (lane + i * kWarp < dim) score += mine[i] * to_float(keys[place + lane + i * kWarp]);
      score = warp_sum(score) * scale;
      const float higher = fmaxf(max, score), factor = exp2f(max - higher),
                  weight = exp2f(score - higher);
      max = higher;
      total = total * factor + weight;
#pragma unroll
      for (int i = 0; i < kWidest / kWarp; ++i)
        if (lane + i * kWarp < dim)
          sums[i] = sums[i] * factor + weight * to_float(values[place + lane + i * kWarp]);
    }
    if (lane == 0) {
      warp_maxima[warp] = max;
      warp_totals[warp] = total;
    }
    __syncthreads();
    float block_max = warp_maxima[0], block_total = 0.0f;
    for (int w = 1; w < kWarps; ++w) block_max = fmaxf(block_max, warp_maxima[w]);
    for (int w = 0; w < kWarps; ++w)
      block_total += warp_totals[w] * exp2f(warp_maxima[w] - block_max);
    const float factor = exp2f(max - block_max);
#pragma unroll
    for (int i = 0; i < kWidest / kWarp; ++i)
      if (lane + i * kWarp < dim) warp_sums[warp * dim + lane + i * kWarp] = sums[i] * factor;
    if (threadIdx.x == 0) {
      maxima[head] = block_max;
      totals[head] = block_total;
    }
    __syncthreads();
    for (int i = threadIdx.x; i < dim; i += kThreads) {
      float sum = 0.0f;
      for (int w = 0; w < kWarps; ++w) sum += warp_sums[w * dim + i];
      shared[head * dim + i] = sum;
    }
    __syncthreads();
  }
  // Widths are even.
  finish<T, 2>(a, piece, row, kv_head, group, shared, maxima, totals);
}

}  // namespace

void decode_attention(CudaType type, const CudaDecodeAttention& a, CudaStream stream) {
  if (a.rows == 0) return;
  if (a.key_cache == a.value_cache) return latent_attention(a, stream);
  const dim3 grid(static_cast<unsigned>(a.splits), static_cast<unsigned>(a.num_kv_heads),
                  static_cast<unsigned>(a.rows));
  const std::int64_t group = a.num_heads / a.num_kv_heads;
  const bool by_tiles = type == CudaType::BFloat16 && a.block_size % kTile == 0 &&
                        (a.head_dim == 64 || a.head_dim == 128);
  const auto launch = [&](auto kernel) { launch_early(kernel, grid, kThreads, 0, stream, a); };
  if (by_tiles && a.head_dim == 64) {
    group <= 8 ? launch(attend_bf16_kernel<64, 1>) : launch(attend_bf16_kernel<64, 2>);
  } else if (by_tiles) {
    group <= 8 ? launch(attend_bf16_kernel<128, 1>) : launch(attend_bf16_kernel<128, 2>);
  } else {
    const auto bytes = static_cast<std::size_t>((group + kWarps) * a.head_dim) * sizeof(float);
    dispatch_type(type, [&](auto value) {
      launch_early(attend_kernel<decltype(value)>, grid, kThreads, bytes, stream, a);
    });
  }
}

}  // namespace r1::kernels::cuda
