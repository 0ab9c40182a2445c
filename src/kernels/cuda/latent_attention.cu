// Attention of one query token per row over a paged cache of latents (decode of multi-head latent
// attention), split over the context. The heads share one KV head: its keys are latents with a
// rotary part, and its values are the latents. A block of threads brings a tile of tokens to shared
// memory once and uses it for the scores and for the sums of up to 16 heads. Reference:
// DeepSeek-V2, arXiv 2405.04434, section 2.1; Dao et al., "Flash-Decoding for long-context
// inference", 2023.
#include "kernels/cuda/decode_pieces.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kKeyDim = 576, kValueDim = 512;
constexpr int kTokens = 32;              // of a tile
constexpr int kFewestTiles = 2;          // of a piece
constexpr int kPack = 8;                 // values of 16 bytes
constexpr int kPitch = kKeyDim + kPack;  // rows in shared memory start in different banks
constexpr int kScorePitch = kTokens + 4;
constexpr int kColumns = kValueDim / kAttentionWarps;  // of the sums, for each warp

struct Shared {
  __nv_bfloat16 queries[kMostHeads][kPitch];
  __nv_bfloat16 keys[2][kTokens][kPitch];  // this tile and the next
  float scores[kMostHeads][kScorePitch];
  float maxima[kMostHeads], totals[kMostHeads];
};
static_assert(sizeof(Shared::keys) >= sizeof(float) * kMostHeads * kValueDim);  // at the end: sums

/// Starts the copy of a tile's keys. Four threads copy a token; tokens behind the context become
/// zeros, because 0 x NaN is NaN.
__device__ __forceinline__ void start_tile(const CudaDecodeAttention& a, Shared& shared, int buffer,
                                           int row, int tile, int length) {
  constexpr int kThreadsOfToken = kAttentionThreads / kTokens;
  const int place = static_cast<int>(threadIdx.x) / kThreadsOfToken,
            part = static_cast<int>(threadIdx.x) % kThreadsOfToken;
  const int token = tile * kTokens + place, size = static_cast<int>(a.block_size);
  const auto* from = static_cast<const __nv_bfloat16*>(a.key_cache);
  const bool inside = token < length;
  if (inside) {
    const std::int64_t block = a.block_table[row * a.table_width + token / size];
    from += (block * size + token % size) * kKeyDim;
  }
#pragma unroll
  for (int i = 0; i < kKeyDim / kPack / kThreadsOfToken; ++i) {
    const int column = (part + i * kThreadsOfToken) * kPack;
    start_copy(&shared.keys[buffer][place][column], from + (inside ? column : 0), inside);
  }
  end_copy_group();
}

__global__ void __launch_bounds__(kAttentionThreads)
    latent_attention_kernel(const __grid_constant__ CudaDecodeAttention a) {
  extern __shared__ __align__(16) unsigned char memory[];
  Shared& shared = *reinterpret_cast<Shared*>(memory);
  wait_for_previous_kernel();
  const int row = static_cast<int>(blockIdx.z), set = static_cast<int>(blockIdx.y);
  const Piece piece = piece_of(a, row, kTokens, kFewestTiles);
  if (piece.number >= piece.count) return;
  const int group = min(static_cast<int>(a.num_heads), kMostHeads);
  const int warp = static_cast<int>(threadIdx.x) / kWarp,
            lane = static_cast<int>(threadIdx.x) % kWarp;
  const int r = lane / 4, q = lane % 4;

  start_tile(a, shared, 0, row, piece.first, piece.length);
  const auto* const query = static_cast<const __nv_bfloat16*>(a.query) +
                            (row * a.num_heads + set * group) * std::int64_t{kKeyDim};
  for (int i = threadIdx.x; i < kMostHeads * kKeyDim / kPack; i += kAttentionThreads) {
    const int head = i / (kKeyDim / kPack), column = i % (kKeyDim / kPack) * kPack;
    Pack<__nv_bfloat16, kPack> values{};
    if (head < group) values = load_pack<__nv_bfloat16, kPack>(query + head * kKeyDim + column);
    store_pack(&shared.queries[head][column], values);
  }

  float sums[kColumns / 8][4] = {};
  float maxima[2] = {-FLT_MAX, -FLT_MAX}, totals[2] = {};  // of the heads r and r + 8
  const float scale = a.scale * kLog2E;
  for (int tile = piece.first; tile < piece.last; ++tile) {
    const int buffer = (tile - piece.first) % 2;
    if (tile + 1 < piece.last) {
      start_tile(a, shared, 1 - buffer, row, tile + 1, piece.length);
      wait_for_copies<1>();
    } else {
      wait_for_copies<0>();
    }
    __syncthreads();
    // Scores of all heads and 8 tokens for each warp.
    float scores[4] = {};
#pragma unroll 6
    for (int column = 0; column < kKeyDim; column += 32) {
      unsigned keys[4], left[4];
      load_matrices(keys, &shared.keys[buffer][warp * 8 + lane % 8][column + lane / 8 * 8]);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        load_matrices(left, &shared.queries[lane % 16][column + half * 16 + lane / 16 * 8]);
        multiply_add(scores, left, keys[2 * half], keys[2 * half + 1]);
      }
    }
#pragma unroll
    for (int half = 0; half < 2; ++half)
#pragma unroll
      for (int i = 0; i < 2; ++i) {
        const int token = warp * 8 + 2 * q + i;
        const bool inside = tile * kTokens + token < piece.length;
        shared.scores[r + 8 * half][token] = inside ? scores[2 * half + i] * scale : -FLT_MAX;
      }
    __syncthreads();
    // The weights of all tokens, in every warp, as left factors of two products of 16 tokens.
    unsigned weights[2][4];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      float z[4][2];
      float max = maxima[half];
#pragma unroll
      for (int n = 0; n < 4; ++n)
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          z[n][i] = shared.scores[r + 8 * half][n * 8 + 2 * q + i];
          max = fmaxf(max, z[n][i]);
        }
      max = quad_max(max);
      const float factor = exp2f(maxima[half] - max);
      maxima[half] = max;
      totals[half] *= factor;
#pragma unroll
      for (int n = 0; n < 4; ++n) {
#pragma unroll
        for (int i = 0; i < 2; ++i) {
          z[n][i] = exp2f(z[n][i] - max);
          totals[half] += z[n][i];
        }
        weights[n / 2][half + 2 * (n % 2)] = packed_pair(z[n][0], z[n][1]);
      }
#pragma unroll
      for (auto& sum : sums) {
        sum[2 * half] *= factor;
        sum[2 * half + 1] *= factor;
      }
    }
#pragma unroll
    for (int step = 0; step < 2; ++step)
#pragma unroll
      for (int pair = 0; pair < kColumns / 16; ++pair) {
        unsigned values[4];
        load_transposed(values, &shared.keys[buffer][step * 16 + lane % 16]
                                            [warp * kColumns + pair * 16 + lane / 16 * 8]);
        multiply_add(sums[2 * pair], weights[step], values[0], values[1]);
        multiply_add(sums[2 * pair + 1], weights[step], values[2], values[3]);
      }
    __syncthreads();  // the next copy overwrites this tile
  }

  float* const all_sums = reinterpret_cast<float*>(shared.keys);  // [group, kValueDim]
#pragma unroll
  for (int half = 0; half < 2; ++half) {
    const int head = r + 8 * half;
    const float total = quad_sum(totals[half]);
    if (head >= group) continue;
    if (warp == 0 && q == 0) {
      shared.maxima[head] = maxima[half];
      shared.totals[head] = total;
    }
#pragma unroll
    for (int n = 0; n < kColumns / 8; ++n)
      store_pack(all_sums + head * kValueDim + warp * kColumns + n * 8 + 2 * q,
                 Pack<float, 2>{sums[n][2 * half], sums[n][2 * half + 1]});
  }
  __syncthreads();
  finish<__nv_bfloat16, 4>(a, piece, row, set, group, all_sums, shared.maxima, shared.totals);
}

}  // namespace

void latent_attention(const CudaDecodeAttention& a, CudaStream stream) {
  cudaFuncSetAttribute(latent_attention_kernel, cudaFuncAttributeMaxDynamicSharedMemorySize,
                       static_cast<int>(sizeof(Shared)));
  const std::int64_t sets = (a.num_heads + kMostHeads - 1) / kMostHeads;
  const dim3 grid(static_cast<unsigned>(a.splits), static_cast<unsigned>(sets),
                  static_cast<unsigned>(a.rows));
  launch_early(latent_attention_kernel, grid, kAttentionThreads, sizeof(Shared), stream, a);
}

}  // namespace r1::kernels::cuda
