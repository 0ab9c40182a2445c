// Products of experts that few tokens visit: the time is that of reading the weights. A block of
// threads streams a tile of an expert's rows through shared memory, several steps ahead of the
// tensor cores, whose left factor is the weights, so that 8 tokens are enough to fill the right
// one.
#include "kernels/cuda/launchers.cuh"
#include "kernels/cuda/tensor_cores.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kPack = 8;  // values of 16 bytes
constexpr int kWarps = 4, kThreads = kWarps * kWarp;
constexpr int kRows = 16 * kWarps;        // of a tile of weights
constexpr int kColumns = 64;              // of a step
constexpr int kPacks = kColumns / kPack;  // of a row of a step
constexpr int kSteps = 5;                 // in shared memory at once
constexpr int kTokens = 32;               // at once

/// A row's packs lie in another order in each of 8 rows, so that ldmatrix meets no bank twice.
struct Step {
  __nv_bfloat16 weights[kRows][kColumns];
  __nv_bfloat16 tokens[kTokens][kColumns];
};
__device__ __forceinline__ __nv_bfloat16* place_of(__nv_bfloat16 (*rows)[kColumns], int row,
                                                   int pack) {
  return &rows[row][(pack ^ row % kPacks) * kPack];
}

/// The rows of weights that a thread copies: one pack of four rows in each step.
struct WeightRows {
  static constexpr int kCount = kRows * kPacks / kThreads;
  const __nv_bfloat16* from[kCount];
  bool inside[kCount];

  __device__ __forceinline__ void start(Step& step, int column, int inputs) const {
    const int pack = static_cast<int>(threadIdx.x) % kPacks;
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int row = static_cast<int>(threadIdx.x) / kPacks + i * (kThreads / kPacks);
      const bool is_inside = inside[i] && column + pack * kPack < inputs;
      start_copy(place_of(step.weights, row, pack), from[i] + (is_inside ? column : 0), is_inside);
    }
  }
};

/// Gated: a warp's 16 rows are 8 of the gate and the 8 of the up projection that belong to them, so
/// that a thread holds both.
template <bool gated>
__device__ __forceinline__ int outputs_of_tile() {
  return gated ? kRows / 2 : kRows;
}

template <bool gated>
__device__ __forceinline__ WeightRows rows_of_tile(const CudaExpertProduct& a, int expert,
                                                   int tile) {
  WeightRows rows;
  const int outputs = static_cast<int>(a.outputs);
  const auto* const weights = static_cast<const __nv_bfloat16*>(a.weights) +
                              expert * (gated ? 2 : 1) * a.outputs * a.inputs +
                              threadIdx.x % kPacks * kPack;
#pragma unroll
  for (int i = 0; i < WeightRows::kCount; ++i) {
    const int row = static_cast<int>(threadIdx.x) / kPacks + i * (kThreads / kPacks);
    int output = tile * outputs_of_tile<gated>();
    output += gated ? row / 16 * 8 + row % 8 : row;
    rows.inside[i] = output < outputs;
    const bool is_up = gated && row % 16 >= 8;
    rows.from[i] = weights + (rows.inside[i] ? (output + (is_up ? outputs : 0)) * a.inputs : 0);
  }
  return rows;
}

/// Up to 8 TokenTiles visits, from place `first` on; the copies of the first steps' weights have
/// begun.
template <bool gated, int TokenTiles>
__device__ __forceinline__ void multiply(const CudaExpertProduct& a, const CudaExpertVisits& visits,
                                         const WeightRows& rows, Step* steps, int tile, int first,
                                         int count) {
  constexpr int kCopies = (8 * TokenTiles * kPacks + kThreads - 1) / kThreads;  // of a thread
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const int inputs = static_cast<int>(a.inputs);
  const int num_steps = (inputs + kColumns - 1) / kColumns;
  const int pack = thread % kPacks;
  const __nv_bfloat16* from[kCopies];
  bool inside[kCopies];
#pragma unroll
  for (int i = 0; i < kCopies; ++i) {
    const int token = thread / kPacks + i * (kThreads / kPacks);
    inside[i] = token < count;
    std::int64_t row = 0;
    if (inside[i])
      row = gated ? visits.visits[first + token] / static_cast<int>(visits.top_k) : first + token;
    from[i] = static_cast<const __nv_bfloat16*>(a.input) + row * inputs + pack * kPack;
  }
  const auto start_tokens = [&](int step) {
    const int column = step * kColumns;
#pragma unroll
    for (int i = 0; i < kCopies; ++i) {
      const int token = thread / kPacks + i * (kThreads / kPacks);
      if (token >= 8 * TokenTiles) continue;
      const bool is_inside = inside[i] && column + pack * kPack < inputs;
      start_copy(place_of(steps[step % kSteps].tokens, token, pack),
                 from[i] + (is_inside ? column : 0), is_inside);
    }
  };
#pragma unroll
  for (int step = 0; step < kSteps - 1; ++step) {
    if (step < num_steps) start_tokens(step);
    end_copy_group();
  }
  float sums[TokenTiles][4] = {};
  for (int step = 0; step < num_steps; ++step) {
    wait_for_copies<kSteps - 2>();
    __syncthreads();  // everybody's copies are there, and nobody reads the step before
    if (const int next = step + kSteps - 1; next < num_steps) {
      rows.start(steps[next % kSteps], next * kColumns, inputs);
      start_tokens(next);
    }
    end_copy_group();
    Step& here = steps[step % kSteps];
#pragma unroll
    for (int half = 0; half < kColumns / 32; ++half) {
      unsigned left[2][4];
#pragma unroll
      for (int i = 0; i < 2; ++i)
        load_matrices(left[i],
                      place_of(here.weights, warp * 16 + lane % 16, half * 4 + i * 2 + lane / 16));
#pragma unroll
      for (int n = 0; n < TokenTiles; ++n) {
        unsigned right[4];
        load_matrices(right, place_of(here.tokens, n * 8 + lane % 8, half * 4 + lane / 8));
        multiply_add(sums[n], left[0], right[0], right[1]);
        multiply_add(sums[n], left[1], right[2], right[3]);
      }
    }
  }
  wait_for_copies<0>();
  __syncthreads();  // the next visits' copies may begin

  auto* const output = static_cast<__nv_bfloat16*>(a.output);
  const int begin = tile * outputs_of_tile<gated>();
#pragma unroll
  for (int n = 0; n < TokenTiles; ++n)
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int token = n * 8 + 2 * (lane % 4) + i;
      if (token >= count) continue;
      if constexpr (gated) {
        const int column = begin + warp * 8 + lane / 4;
        if (column >= a.outputs) continue;
        // Rounded between the operations, as everywhere else.
        const float gate = to_float(from_float<__nv_bfloat16>(sums[n][i])),
                    up = to_float(from_float<__nv_bfloat16>(sums[n][2 + i]));
        output[(first + token) * a.outputs + column] =
            from_float<__nv_bfloat16>(gate / (1.0f + __expf(-gate)) * up);
      } else {
        const std::int64_t row = visits.visits[first + token];
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int column = begin + warp * 16 + lane / 4 + 8 * half;
          if (column < a.outputs)
            output[row * a.outputs + column] = from_float<__nv_bfloat16>(sums[n][2 * half + i]);
        }
      }
    }
}

template <bool gated>
__global__ void __launch_bounds__(kThreads)
    expert_product_kernel(const __grid_constant__ CudaExpertProduct a,
                          const __grid_constant__ CudaExpertVisits visits) {
  extern __shared__ __align__(128) unsigned char memory[];
  Step* const steps = reinterpret_cast<Step*>(memory);
  const int tile = static_cast<int>(blockIdx.x), expert = static_cast<int>(blockIdx.y);
  const int inputs = static_cast<int>(a.inputs);
  const WeightRows rows = rows_of_tile<gated>(a, expert, tile);
  const auto start_weights = [&] {
#pragma unroll
    for (int step = 0; step < kSteps - 1; ++step)
      if (step * kColumns < inputs) rows.start(steps[step], step * kColumns, inputs);
  };
  // Weights may be read before the visits are known: what wrote them has ended before the kernel in
  // front of this one let this one start. It does not pay where many experts have no visits.
  const bool starts_early = visits.rows * visits.top_k >= 2 * visits.num_experts;
  if (starts_early) start_weights();
  wait_for_previous_kernel();
  const int begin = expert > 0 ? visits.ends[expert - 1] : 0, end = visits.ends[expert];
  for (int first = begin; first < end; first += kTokens) {
    if (first > begin || !starts_early) start_weights();
    const int count = min(kTokens, end - first);
    if (count <= 8)
      multiply<gated, 1>(a, visits, rows, steps, tile, first, count);
    else if (count <= 16)
      multiply<gated, 2>(a, visits, rows, steps, tile, first, count);
    else
      multiply<gated, 4>(a, visits, rows, steps, tile, first, count);
  }
  end_copy_group();
  wait_for_copies<0>();  // of an expert that nobody visits
}

template <bool gated>
void launch(const CudaExpertProduct& product, const CudaExpertVisits& visits, CudaStream stream) {
  if (visits.rows == 0) return;
  constexpr std::size_t kBytes = kSteps * sizeof(Step);
  constexpr std::int64_t kOutputs = gated ? kRows / 2 : kRows;
  cudaFuncSetAttribute(expert_product_kernel<gated>, cudaFuncAttributeMaxDynamicSharedMemorySize,
                       static_cast<int>(kBytes));
  const dim3 grid(static_cast<unsigned>((product.outputs + kOutputs - 1) / kOutputs),
                  static_cast<unsigned>(visits.num_experts));
  launch_early(expert_product_kernel<gated>, grid, kThreads, kBytes, stream, product, visits);
}

}  // namespace

void expert_gate_up(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                    CudaStream stream) {
  launch<true>(product, visits, stream);
}

void expert_down(const CudaExpertProduct& product, const CudaExpertVisits& visits,
                 CudaStream stream) {
  launch<false>(product, visits, stream);
}

}  // namespace r1::kernels::cuda
