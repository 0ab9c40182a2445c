// Routed experts of a batch of few tokens, without gradients: the choice of each token's experts,
// the order of the visits by expert, and the weighted sums of what the experts gave. Reference:
// DeepSeek-V3, arXiv 2412.19437, equations 12 to 16.
#include <cfloat>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;
constexpr int kWarps = 8, kThreads = kWarps * kWarp;

constexpr int kTokensOfBlock = 8;

/// A warp computes one expert's logits for kTokensOfBlock tokens.
template <class T>
__global__ void __launch_bounds__(kThreads)
    expert_logits_kernel(const __grid_constant__ CudaExpertChoice a) {
  wait_for_previous_kernel();
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const std::int64_t expert = std::int64_t{blockIdx.x} * kWarps + threadIdx.x / kWarp;
  const std::int64_t first = std::int64_t{blockIdx.y} * kTokensOfBlock;
  if (expert >= a.num_experts) return;
  const int count = static_cast<int>(min(std::int64_t{kTokensOfBlock}, a.rows - first));
  const T* const router = static_cast<const T*>(a.router) + expert * a.dim;
  const T* const x = static_cast<const T*>(a.x) + first * a.dim;
  float sums[kTokensOfBlock] = {};
#pragma unroll 2
  for (std::int64_t column = lane * kPack; column < a.dim; column += kWarp * kPack) {
    float weights[kPack];
    if constexpr (sizeof(T) == 2) {
      const auto pack = load_pack<T, kPack>(router + column);
#pragma unroll
      for (int i = 0; i < kPack; ++i) weights[i] = to_float(pack.values[i]);
    } else {
#pragma unroll
      for (int i = 0; i < kPack; ++i) weights[i] = router[column + i];
    }
#pragma unroll
    for (int t = 0; t < kTokensOfBlock; ++t) {
      if (t >= count) continue;
      if constexpr (sizeof(T) == 2) {
        const auto pack = load_pack<T, kPack>(x + t * a.dim + column);
#pragma unroll
        for (int i = 0; i < kPack; ++i) sums[t] += weights[i] * to_float(pack.values[i]);
      } else {
#pragma unroll
        for (int i = 0; i < kPack; ++i) sums[t] += weights[i] * x[t * a.dim + column + i];
      }
    }
  }
#pragma unroll
  for (int t = 0; t < kTokensOfBlock; ++t) {
    const float sum = warp_sum(sums[t]);
    if (lane == 0 && t < count) a.logits[(first + t) * a.num_experts + expert] = sum;
  }
}

constexpr int kMostOfLane = 16;  // experts: 512 in all

struct Best {
  float value;
  int index;
};

/// Whether a is ahead of b: the larger value, of equal values the lower index.
__device__ __forceinline__ bool is_ahead(const Best& a, const Best& b) {
  return a.value > b.value || (a.value == b.value && a.index < b.index);
}

__device__ __forceinline__ Best warp_best(Best best) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) {
    const Best other{__shfl_xor_sync(~0u, best.value, offset),
                     __shfl_xor_sync(~0u, best.index, offset)};
    if (is_ahead(other, best)) best = other;
  }
  return best;
}

/// A warp chooses the experts of one token. Lane l has the experts l, l + 32, ...
__global__ void __launch_bounds__(kThreads)
    choose_experts_kernel(const __grid_constant__ CudaExpertChoice a) {
  extern __shared__ float all_choices[];  // [kWarps, num_experts]
  wait_for_previous_kernel();
  const int lane = static_cast<int>(threadIdx.x) % kWarp,
            warp = static_cast<int>(threadIdx.x) / kWarp;
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + warp;
  if (row >= a.rows) return;
  const int num_experts = static_cast<int>(a.num_experts);
  float scores[kMostOfLane], choices[kMostOfLane];
#pragma unroll
  for (int i = 0; i < kMostOfLane; ++i) {
    const int expert = lane + i * kWarp;
    scores[i] = 0.0f;
    choices[i] = -FLT_MAX;
    if (expert >= num_experts) continue;
    scores[i] = 1.0f / (1.0f + expf(-a.logits[row * num_experts + expert]));
    const float choice = scores[i] + a.bias[expert];
    choices[i] = isnan(choice) ? FLT_MAX : choice;  // as topk, which takes NaN for the largest
  }
  if (a.top_groups < a.num_groups) {
    float* const own = all_choices + warp * num_experts;
#pragma unroll
    for (int i = 0; i < kMostOfLane; ++i)
      if (lane + i * kWarp < num_experts) own[lane + i * kWarp] = choices[i];
    __syncwarp();
    const int groups = static_cast<int>(a.num_groups), size = num_experts / groups;
    Best group{-FLT_MAX, lane};
    if (lane < groups) {
      float first = -FLT_MAX, second = -FLT_MAX;
      for (int i = 0; i < size; ++i) {
        const float choice = own[lane * size + i];
        second = fmaxf(second, fminf(first, choice));
        first = fmaxf(first, choice);
      }
      group.value = size > 1 ? first + second : first;
    }
    unsigned chosen = 0;  // a bit for each group
    for (int i = 0; i < static_cast<int>(a.top_groups); ++i) {
      const bool free = lane < groups && (chosen >> lane & 1u) == 0;
      const Best best = warp_best(free ? group : Best{-INFINITY, kWarp + lane});
      chosen |= 1u << (best.index % kWarp);
    }
#pragma unroll
    for (int i = 0; i < kMostOfLane; ++i) {
      const int expert = lane + i * kWarp;
      if (expert < num_experts && (chosen >> expert / size & 1u) == 0) choices[i] = -FLT_MAX;
    }
  }
  float weight = 0.0f, sum = 0.0f;  // lane j keeps the weight of the token's expert j
  const int top_k = static_cast<int>(a.top_k);
  for (int j = 0; j < top_k; ++j) {
    Best best{-INFINITY, num_experts};
#pragma unroll
    for (int i = 0; i < kMostOfLane; ++i) {
      const Best mine{choices[i], lane + i * kWarp};
      if (mine.index < num_experts && is_ahead(mine, best)) best = mine;
    }
    best = warp_best(best);
    float score = 0.0f;
#pragma unroll
    for (int i = 0; i < kMostOfLane; ++i)
      if (best.index == lane + i * kWarp) {
        score = scores[i];
        choices[i] = -INFINITY;
      }
    score = __shfl_sync(~0u, score, best.index % kWarp);
    sum += score;
    if (lane != j) continue;
    weight = score;
    a.experts[row * top_k + j] = best.index;
  }
  if (lane >= top_k) return;
  constexpr float kTiny = 1e-20f;  // as transformers
  if (a.normalize) weight /= sum + kTiny;
  a.weights[row * top_k + lane] = weight * a.scaling;
}

constexpr int kPlacingThreads = 1024;

/// One block. masks: a bit for each expert and token; a visit's place among its expert's rows is
/// the number of lower tokens there.
__global__ void __launch_bounds__(kPlacingThreads)
    place_visits_kernel(const __grid_constant__ CudaExpertVisits a) {
  extern __shared__ unsigned masks[];  // [num_experts, words]
  __shared__ int begins[kPlacingThreads];
  __shared__ int warp_totals[kPlacingThreads / kWarp];
  wait_for_previous_kernel();
  const int thread = static_cast<int>(threadIdx.x), lane = thread % kWarp, warp = thread / kWarp;
  const int rows = static_cast<int>(a.rows), top_k = static_cast<int>(a.top_k),
            num_experts = static_cast<int>(a.num_experts);
  const int words = (rows + kWarp - 1) / kWarp;
  for (int i = thread; i < num_experts * words; i += kPlacingThreads) masks[i] = 0;
  __syncthreads();
  for (int i = thread; i < rows * top_k; i += kPlacingThreads) {
    const int token = i / top_k;
    atomicOr(masks + a.experts[i] * words + token / kWarp, 1u << token % kWarp);
  }
  __syncthreads();
  int count = 0;
  if (thread < num_experts)
    for (int w = 0; w < words; ++w) count += __popc(masks[thread * words + w]);
  int end = count;  // sum over the experts of this warp up to this one
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const int before = __shfl_up_sync(~0u, end, offset);
    if (lane >= offset) end += before;
  }
  if (lane == kWarp - 1) warp_totals[warp] = end;
  __syncthreads();
  for (int w = 0; w < warp; ++w) end += warp_totals[w];
  begins[thread] = end - count;
  if (thread < num_experts) a.ends[thread] = end;
  __syncthreads();
  for (int i = thread; i < rows * top_k; i += kPlacingThreads) {
    const int token = i / top_k, expert = static_cast<int>(a.experts[i]);
    const unsigned* const mask = masks + expert * words;
    int place = begins[expert] + __popc(mask[token / kWarp] & ((1u << token % kWarp) - 1));
    for (int w = 0; w < token / kWarp; ++w) place += __popc(mask[w]);
    a.visits[place] = i;
  }
}

using Row = Pack<__nv_bfloat16, kPack>;

__global__ void __launch_bounds__(kThreads)
    combine_visits_kernel(const __nv_bfloat16* outputs, const float* weights, __nv_bfloat16* y,
                          int top_k, std::int64_t dim) {
  wait_for_previous_kernel();
  const std::int64_t token = blockIdx.y;
  const std::int64_t column = (std::int64_t{blockIdx.x} * kThreads + threadIdx.x) * kPack;
  if (column >= dim) return;
  float sums[kPack] = {};
#pragma unroll 4
  for (int j = 0; j < top_k; ++j) {
    const float weight = weights[token * top_k + j];
    const Row values =
        load_pack<__nv_bfloat16, kPack>(outputs + (token * top_k + j) * dim + column);
#pragma unroll
    for (int i = 0; i < kPack; ++i) sums[i] += weight * to_float(values.values[i]);
  }
  Row out;
#pragma unroll
  for (int i = 0; i < kPack; ++i) out.values[i] = from_float<__nv_bfloat16>(sums[i]);
  store_pack(y + token * dim + column, out);
}

}  // namespace

void choose_experts(CudaType type, const CudaExpertChoice& a, CudaStream stream) {
  if (a.rows == 0) return;
  const dim3 tiles(static_cast<unsigned>((a.num_experts + kWarps - 1) / kWarps),
                   static_cast<unsigned>((a.rows + kTokensOfBlock - 1) / kTokensOfBlock));
  dispatch_type(type, [&](auto value) {
    launch_early(expert_logits_kernel<decltype(value)>, tiles, kThreads, 0, stream, a);
  });
  launch_early(choose_experts_kernel, dim3(static_cast<unsigned>((a.rows + kWarps - 1) / kWarps)),
               kThreads, static_cast<std::size_t>(kWarps * a.num_experts) * sizeof(float), stream,
               a);
}

void place_visits(const CudaExpertVisits& a, CudaStream stream) {
  const auto words = static_cast<std::size_t>(a.num_experts * ((a.rows + kWarp - 1) / kWarp));
  launch_early(place_visits_kernel, dim3(1), kPlacingThreads, words * sizeof(unsigned), stream, a);
}

void combine_visits(const void* outputs, const float* weights, void* y, std::int64_t rows,
                    std::int64_t top_k, std::int64_t dim, CudaStream stream) {
  if (rows == 0) return;
  constexpr std::int64_t kColumns = kThreads * kPack;
  const dim3 blocks(static_cast<unsigned>((dim + kColumns - 1) / kColumns),
                    static_cast<unsigned>(rows));
  launch_early(combine_visits_kernel, blocks, kThreads, 0, stream,
               static_cast<const __nv_bfloat16*>(outputs), weights, static_cast<__nv_bfloat16*>(y),
               static_cast<int>(top_k), dim);
}

}  // namespace r1::kernels::cuda
