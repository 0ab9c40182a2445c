// Draws one token per row of logits and appends the token to the row's slot: softmax statistics in
// one pass; if top-k or top-p restrict the draw, a radix selection of the last kept token; then
// inversion of the CDF in token order. A thread block processes one row, and each warp of the block
// processes a run of consecutive ids. Sums have a fixed order, so that the draw of a row is
// reproducible.
#include <cfloat>
#include <climits>

#include "kernels/cuda/device.cuh"
#include "kernels/cuda/launchers.cuh"
#include "kernels/cuda/random.cuh"

namespace r1::kernels::cuda {
namespace {

constexpr int kThreads = 1024, kWarps = kThreads / kWarp;
constexpr int kStep = 4 * kWarp;  // ids that a warp takes at once

// A weight in [2^-63, 1] by its order, of 29 bits: 6 of exponent, 23 of mantissa. Smaller ones have
// no part in any set: all of them together are below rounding.
constexpr int kMantissaBits = 23;
constexpr unsigned kLowestExponent = 64;
constexpr int kBins = 2048;

__device__ __forceinline__ unsigned key_of(float weight) {
  const unsigned bits = __float_as_uint(weight), lowest = kLowestExponent << kMantissaBits;
  return bits < lowest ? 0 : bits - lowest + 1;  // 0: outside; keys begin at 1
}
__device__ __forceinline__ float weight_of(unsigned key) {
  return __uint_as_float(key - 1 + (kLowestExponent << kMantissaBits));
}

/// A block's view of its row.
struct Row {
  const float* logits;
  int size;
  bool in_packs;
  float max;
  float inverse_temperature;

  __device__ __forceinline__ float weight(float logit) const {
    return expf((logit - max) * inverse_temperature);
  }
  /// 4 neighbours from `id` on; -infinity behind the end.
  __device__ __forceinline__ void load(int id, float (&x)[4]) const {
    if (in_packs && id + 4 <= size) {
      const auto pack = load_pack<float, 4>(logits + id);
#pragma unroll
      for (int i = 0; i < 4; ++i) x[i] = pack.values[i];
      return;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) x[i] = id + i < size ? logits[id + i] : -INFINITY;
  }
};

/// The ids [begin, end) of this warp.
struct Run {
  int begin, end;
};
__device__ __forceinline__ Run run_of(int warp, int size) {
  const int length = ((size + kWarps - 1) / kWarps + kStep - 1) / kStep * kStep;
  const int begin = min(size, warp * length);
  return {begin, min(size, begin + length)};
}

/// f(first id, 4 logits) over the ids of this warp; ids behind the row's end have -infinity.
template <class F>
__device__ __forceinline__ void for_each_pack(const Row& row, const F& f) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  const Run run = run_of(static_cast<int>(threadIdx.x) / kWarp, row.size);
#pragma unroll 4
  for (int id = run.begin + lane * 4; id < run.end; id += kStep) {
    float x[4];
    row.load(id, x);
    f(id, x);
  }
}

/// The number of the lowest and of the highest bit; 0 where none is set.
__device__ __forceinline__ int first_of(unsigned bits) {
  return bits == 0 ? 0 : __ffs(static_cast<int>(bits)) - 1;
}
__device__ __forceinline__ int last_of(unsigned bits) {
  return bits == 0 ? 0 : 31 - __clz(static_cast<int>(bits));
}

__device__ __forceinline__ double warp_sum(double x) {
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(~0u, x, offset);
  return x;
}
__device__ __forceinline__ int warp_sum(int x) {
  return static_cast<int>(__reduce_add_sync(~0u, static_cast<unsigned>(x)));
}
/// The sum over this lane and those before.
template <class T>
__device__ __forceinline__ T inclusive_scan(T x) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
#pragma unroll
  for (int offset = 1; offset < kWarp; offset *= 2) {
    const T other = __shfl_up_sync(~0u, x, offset);
    if (lane >= offset) x += other;
  }
  return x;
}

/// Counts and exact masses of weights by their keys' next bits. A bin's weights have one exponent,
/// so that their mass is a sum of integers, in two halves of 12 bits: below 2^32 for 2^20 weights.
struct Histogram {
  unsigned counts[kBins], low[kBins], high[kBins];
};

/// The last weight that is kept: all larger ones are, and the first `ties` of those equal to it.
struct Cut {
  unsigned key = 0;
  int ties = INT_MAX;
};

struct Shared {
  Histogram histogram;
  double masses[kWarps];
  int counts[kWarps];
  float floats[kWarps];
  int ids[kWarps];
  // What one thread tells the others.
  unsigned key;
  int count;
  double mass;
};

/// Weight of the unit of the last mantissa bit in the binade of a level-1 bin.
__device__ __forceinline__ double unit_of(unsigned key) {
  const int exponent = static_cast<int>((key - 1) >> kMantissaBits) + kLowestExponent - 127;
  return ldexp(1.0, exponent - kMantissaBits);
}

/// The smallest set of largest weights that has `wanted_count` members, or a mass of at least
/// `wanted_mass` (whichever is given: the other is INT_MAX or infinite); all weights if there is
/// none. mass_out: the set's mass. Called by the whole block; all threads get the same.
__device__ Cut select(const Row& row, int wanted_count, double wanted_mass, Shared& shared,
                      double& mass_out) {
  constexpr int kLevels = 3;
  constexpr int kShift[kLevels] = {18, 9, 0}, kWidth[kLevels] = {11, 9, 9};
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  Histogram& histogram = shared.histogram;
  unsigned prefix = 0;  // of (key - 1)
  int count_above = 0;
  double mass_above = 0.0;
  for (int level = 0; level < kLevels; ++level) {
    __syncthreads();
    for (int i = thread; i < kBins; i += kThreads) {
      histogram.counts[i] = 0;
      histogram.low[i] = 0;
      histogram.high[i] = 0;
    }
    __syncthreads();
    const int shift = kShift[level], above = shift + kWidth[level];
    const unsigned mask = (1u << kWidth[level]) - 1;
    for_each_pack(row, [&](int, const float(&x)[4]) {
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float weight = row.weight(x[i]);
        const unsigned key = key_of(weight);
        if (key == 0) continue;
        const unsigned order = key - 1;
        if (level > 0 && (order >> above) != prefix) continue;
        const unsigned bin = (order >> shift) & mask;
        const unsigned mantissa = (__float_as_uint(weight) & 0x7FFFFFu) | 0x800000u;
        atomicAdd(&histogram.counts[bin], 1u);
        atomicAdd(&histogram.low[bin], mantissa & 0xFFFu);
        atomicAdd(&histogram.high[bin], mantissa >> 12);
      }
    });
    __syncthreads();
    // Bins from the highest on: 64 a warp, then the warp in which the set ends, bin by bin.
    const auto mass_of = [&](int bin) {
      const unsigned order = level == 0 ? static_cast<unsigned>(bin) << shift
                                        : ((prefix << kWidth[level]) | static_cast<unsigned>(bin))
                                              << shift;
      return (static_cast<double>(histogram.high[bin]) * 4096.0 + histogram.low[bin]) *
             unit_of(order + 1);
    };
    const auto reaches = [&](int count, double mass) {
      return count >= wanted_count || mass >= wanted_mass;
    };
    constexpr int kBinsOfWarp = kBins / kWarps;
    const int top = kBins - 1 - warp * kBinsOfWarp;  // warp 0 has the highest
    {
      const int a = top - 2 * lane, b = a - 1;
      const int count =
          warp_sum(static_cast<int>(histogram.counts[a]) + static_cast<int>(histogram.counts[b]));
      const double mass = warp_sum(mass_of(a) + mass_of(b));
      if (lane == 0) {
        shared.counts[warp] = count;
        shared.masses[warp] = mass;
      }
    }
    __syncthreads();
    if (warp == 0) {
      const int counts = inclusive_scan(shared.counts[lane]);
      const double masses = inclusive_scan(shared.masses[lane]);
      const unsigned ends = __ballot_sync(
          ~0u, shared.counts[lane] > 0 && reaches(count_above + counts, mass_above + masses));
      const unsigned filled = __ballot_sync(~0u, shared.counts[lane] > 0);
      // The first piece that reaches what is wanted, else the last one that holds anything.
      const int piece = ends != 0 ? first_of(ends) : last_of(filled);
      const int before_count = piece == 0 ? 0 : __shfl_sync(~0u, counts, max(0, piece - 1));
      const double before_mass = piece == 0 ? 0.0 : __shfl_sync(~0u, masses, max(0, piece - 1));
      const int a = kBins - 1 - piece * kBinsOfWarp - 2 * lane, b = a - 1;
      const int count_a = static_cast<int>(histogram.counts[a]),
                count_b = static_cast<int>(histogram.counts[b]);
      const double mass_a = mass_of(a), mass_b = mass_of(b);
      const int upto_b = inclusive_scan(count_a + count_b) + count_above + before_count;
      const double mass_upto_b = inclusive_scan(mass_a + mass_b) + mass_above + before_mass;
      const int upto_a = upto_b - count_b;
      const double mass_upto_a = mass_upto_b - mass_b;
      const bool a_ends = count_a > 0 && reaches(upto_a, mass_upto_a);
      const bool b_ends = count_b > 0 && reaches(upto_b, mass_upto_b);
      const unsigned found = __ballot_sync(~0u, a_ends || b_ends);
      const unsigned any = __ballot_sync(~0u, count_a + count_b > 0);
      const int owner = found != 0 ? first_of(found) : last_of(any);
      if (lane == owner) {
        const bool is_a = found != 0 ? a_ends : count_b == 0;
        shared.key = static_cast<unsigned>(is_a ? a : b);
        shared.count = is_a ? upto_a - count_a : upto_b - count_b;
        shared.mass = is_a ? mass_upto_a - mass_a : mass_upto_b - mass_b;
      }
    }
    __syncthreads();
    prefix = level == 0 ? shared.key : (prefix << kWidth[level]) | shared.key;
    count_above = shared.count;
    mass_above = shared.mass;
  }
  const int equal = static_cast<int>(histogram.counts[shared.key]);
  Cut cut;
  cut.key = prefix + 1;
  const double weight = weight_of(cut.key);
  const double needed = wanted_count != INT_MAX ? wanted_count - count_above
                                                : ceil((wanted_mass - mass_above) / weight);
  cut.ties = static_cast<int>(fmin(fmax(needed, 1.0), static_cast<double>(equal)));
  mass_out = mass_above + cut.ties * weight;
  __syncthreads();  // the histogram may be used again
  return cut;
}

/// The id in which the sum of kept weights passes `threshold`, in the order of ids: a warp over its
/// run, before which the weights sum up to `below` and `ties_before` equal the cut. Lanes agree.
__device__ int find_in_run(const Row& row, const Run& run, const Cut& cut, double below,
                           int ties_before, double threshold) {
  const int lane = static_cast<int>(threadIdx.x) % kWarp;
  int last = run.begin;
  for (int base = run.begin; base < run.end; base += kStep) {
    float x[4], weights[4];
    const int id = base + lane * 4;
    if (id < run.end)
      row.load(id, x);
    else
      x[0] = x[1] = x[2] = x[3] = -INFINITY;
    int ties = 0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      weights[i] = row.weight(x[i]);
      if (cut.key != 0 && key_of(weights[i]) == cut.key) ++ties;
    }
    const int ties_upto = inclusive_scan(ties);
    int rank = ties_before + ties_upto - ties;
    ties_before += __shfl_sync(~0u, ties_upto, kWarp - 1);
    double mine = 0.0;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const unsigned key = key_of(weights[i]);
      if (cut.key != 0 && (key < cut.key || (key == cut.key && rank++ >= cut.ties)))
        weights[i] = 0.0f;
      mine += weights[i];
    }
    const double upto = below + inclusive_scan(mine);
    const unsigned passed = __ballot_sync(~0u, upto > threshold);
    const unsigned held = __ballot_sync(~0u, mine > 0.0);
    const int owner = passed != 0 ? first_of(passed) : last_of(held);
    int chosen = id;
    if (passed != 0) {
      double running = upto - mine;
      bool found = false;
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        running += weights[i];
        if (!found && weights[i] > 0.0f) {
          chosen = id + i;
          found = running > threshold;
        }
      }
      return __shfl_sync(~0u, chosen, owner);
    }
    if (held != 0) {
#pragma unroll
      for (int i = 0; i < 4; ++i)
        if (weights[i] > 0.0f) chosen = id + i;
      last = __shfl_sync(~0u, chosen, owner);
    }
    below = __shfl_sync(~0u, upto, kWarp - 1);
  }
  return last;  // rounding left the threshold above the sum
}

__global__ void __launch_bounds__(kThreads)
    append_tokens_kernel(const __grid_constant__ CudaDraw draw,
                         const __grid_constant__ CudaDecodeSlots slots) {
  wait_for_previous_kernel();
  __shared__ Shared shared;
  const int thread = static_cast<int>(threadIdx.x), warp = thread / kWarp, lane = thread % kWarp;
  const std::int64_t index = blockIdx.x;
  const std::int64_t slot = draw.slot_of_row != nullptr ? draw.slot_of_row[index] : index;
  double* const output = draw.outputs + index;
  const std::int64_t limit = slots.limits[slot], drawn = slots.drawn[slot];
  if (limit == 0) {  // idle
    if (thread == 0) {
      output[0] = -1.0;
      for (int i = 1; i < 4; ++i) output[i * draw.output_stride] = 0.0;
    }
    return;
  }
  const double temperature = draw.rules[kTemperature];
  const bool greedy = temperature <= 0.0;
  float* const logits = draw.logits + index * draw.stride;
  if (drawn < static_cast<std::int64_t>(draw.rules[kMinNewTokens])) {
    for (std::int64_t i = thread; i < draw.num_end_ids; i += kThreads) {
      const std::int64_t id = draw.end_ids[i];
      if (id >= 0 && id < draw.size) logits[id] = -INFINITY;
    }
    __syncthreads();
  }
  Row row{logits, static_cast<int>(draw.size),
          draw.stride % 4 == 0 && reinterpret_cast<std::uintptr_t>(draw.logits) % 16 == 0, 0.0f,
          greedy ? 1.0f : static_cast<float>(1.0 / temperature)};

  // Maximum with its first id, and the sum relative to it.
  float largest = -FLT_MAX, sum = 0.0f;
  int id_of_max = INT_MAX;
  for_each_pack(row, [&](int id, const float(&x)[4]) {
    float higher = largest;
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      if (x[i] > higher) {
        higher = x[i];
        id_of_max = id + i;
      }
    }
    if (higher > largest) {
      sum *= expf((largest - higher) * row.inverse_temperature);
      largest = higher;
    }
#pragma unroll
    for (int i = 0; i < 4; ++i) sum += expf((x[i] - largest) * row.inverse_temperature);
  });
  {
    const float highest = warp_max(largest);
    int id = largest == highest ? id_of_max : INT_MAX;
#pragma unroll
    for (int offset = kWarp / 2; offset > 0; offset /= 2)
      id = min(id, __shfl_xor_sync(~0u, id, offset));
    const double warp_mass =
        warp_sum(static_cast<double>(sum) * expf((largest - highest) * row.inverse_temperature));
    if (lane == 0) {
      shared.floats[warp] = highest;
      shared.ids[warp] = id;
      shared.masses[warp] = warp_mass;
    }
  }
  __syncthreads();
  const float max_here = shared.floats[lane];  // lane i: of warp i, in every warp
  row.max = warp_max(max_here);
  int first_max = max_here == row.max ? shared.ids[lane] : INT_MAX;
#pragma unroll
  for (int offset = kWarp / 2; offset > 0; offset /= 2)
    first_max = min(first_max, __shfl_xor_sync(~0u, first_max, offset));
  double run_mass = shared.masses[lane] * expf((max_here - row.max) * row.inverse_temperature);
  const double total = warp_sum(run_mass);

  std::int64_t token = first_max;
  double kept = total;
  if (!greedy) {
    Cut cut;
    int ties_in_run = 0;
    const auto top_k = static_cast<std::int64_t>(draw.rules[kTopK]);
    const double top_p = draw.rules[kTopP];
    const bool by_count = top_k > 0 && top_k < draw.size, by_mass = top_p < 1.0;
    if (by_count || by_mass) {
      double mass = total;
      if (by_count) cut = select(row, static_cast<int>(top_k), INFINITY, shared, mass);
      if (by_mass) cut = select(row, INT_MAX, top_p * mass, shared, mass);
      // Masses of the runs of ids, without the ties, and the ties.
      double above = 0.0;
      int ties = 0;
      for_each_pack(row, [&](int, const float(&x)[4]) {
        float part = 0.0f;
#pragma unroll
        for (int i = 0; i < 4; ++i) {
          const float weight = row.weight(x[i]);
          const unsigned key = key_of(weight);
          if (key > cut.key) part += weight;
          if (key == cut.key) ++ties;
        }
        above += part;
      });
      above = warp_sum(above);
      ties = warp_sum(ties);
      __syncthreads();
      if (lane == 0) {
        shared.masses[warp] = above;
        shared.counts[warp] = ties;
      }
      __syncthreads();
      ties_in_run = shared.counts[lane];
      const int ties_before = inclusive_scan(ties_in_run) - ties_in_run;
      const int kept_ties = max(0, min(ties_in_run, cut.ties - ties_before));
      run_mass = shared.masses[lane] + kept_ties * static_cast<double>(weight_of(cut.key));
      kept = warp_sum(run_mass);
    }
    // Lane i of every warp knows of run i: all find the same run, and one warp the id.
    const double upto = inclusive_scan(run_mass);
    const double threshold =
        uniform(static_cast<std::uint64_t>(slots.seeds[slot]), static_cast<std::uint64_t>(drawn)) *
        kept;
    const int ties_upto = inclusive_scan(ties_in_run);
    const unsigned passed = __ballot_sync(~0u, upto > threshold);
    const unsigned held = __ballot_sync(~0u, run_mass > 0.0);
    const int run = passed != 0 ? first_of(passed) : last_of(held);
    const double below = __shfl_sync(~0u, upto - run_mass, run);
    const int ties_before = __shfl_sync(~0u, ties_upto - ties_in_run, run);
    if (warp != 0) return;
    token = find_in_run(row, run_of(run, row.size), cut, below, ties_before, threshold);
  }
  if (thread != 0) return;

  if (token < 0 || token >= draw.size) token = 0;  // a row of NaN has no maximum
  bool ends = false;
  if (draw.rules[kEndsAtEndIds] > 0.0)
    for (std::int64_t i = 0; i < draw.num_end_ids; ++i) ends = ends || draw.end_ids[i] == token;
  const bool at_limit = drawn + 1 >= limit;
  output[0] = static_cast<double>(token);
  output[draw.output_stride] =
      static_cast<double>((logits[token] - row.max) * row.inverse_temperature) - log(total);
  output[2 * draw.output_stride] = kept / total;
  output[3 * draw.output_stride] = ends ? kEnded : at_limit ? kAtLimit : kGoesOn;
  std::int32_t* const table = slots.block_table + slot * slots.table_width;
  const bool goes_on = !ends && !at_limit;
  // A slot without a sample writes into the spare block until the host fills it again.
  if (!goes_on) table[0] = static_cast<std::int32_t>(slots.spare_block);
  const std::int64_t position = goes_on ? slots.positions[slot] + 1 : 0;
  slots.tokens[slot] = goes_on ? token : 0;
  slots.positions[slot] = position;
  slots.blocks[slot] = table[position / slots.block_size];
  slots.offsets[slot] = position % slots.block_size;
  slots.contexts[slot] = static_cast<std::int32_t>(position) + 1;
  slots.drawn[slot] = drawn + 1;
  if (!goes_on) slots.limits[slot] = 0;
}

}  // namespace

void append_tokens(const CudaDraw& draw, const CudaDecodeSlots& slots, CudaStream stream) {
  if (draw.rows == 0) return;
  launch_early(append_tokens_kernel, dim3(static_cast<unsigned>(draw.rows)), kThreads, 0, stream,
               draw, slots);
}

}  // namespace r1::kernels::cuda
