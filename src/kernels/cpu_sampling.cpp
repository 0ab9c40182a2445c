#include "kernels/cpu_sampling.h"

#include <algorithm>
#include <numeric>

namespace r1::kernels {
namespace {

template <class T>
[[gnu::always_inline]] inline Accumulator<T> largest_body(const T* logits, std::int64_t n) {
  Accumulator<T> largest = load(logits[0]);
#pragma omp simd reduction(max : largest)
  for (std::int64_t i = 0; i < n; ++i) largest = std::max(largest, load(logits[i]));
  return largest;
}

/// weights[i] = exp((logits[i] - largest) * inverse_temperature); returns their sum over [0, n).
template <class T>
[[gnu::always_inline]] inline Accumulator<T> weights_body(const T* logits, std::int64_t n,
                                                          Accumulator<T> largest,
                                                          Accumulator<T> inverse_temperature,
                                                          Accumulator<T>* weights) {
  Accumulator<T> sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) {
    weights[i] = exponential((load(logits[i]) - largest) * inverse_temperature);
    sum += weights[i];
  }
  return sum;
}

#define R1_ROW_FUNCTIONS(T)                                                                        \
  R1_MULTIVERSION Accumulator<T> largest_of(const T* logits, std::int64_t n) {                     \
    return largest_body(logits, n);                                                                \
  }                                                                                                \
  R1_MULTIVERSION Accumulator<T> weights_of(                                                       \
      const T* logits, std::int64_t n, Accumulator<T> largest, Accumulator<T> inverse_temperature, \
      Accumulator<T>* weights) {                                                                   \
    return weights_body(logits, n, largest, inverse_temperature, weights);                         \
  }
R1_ROW_FUNCTIONS(double)
R1_ROW_FUNCTIONS(float)
R1_ROW_FUNCTIONS(c10::BFloat16)
#undef R1_ROW_FUNCTIONS

/// Sets the weight of every token outside top-k and top-p to zero; returns the mass that is left
/// (not normalised). Ties are broken by token number, so that the set is the same everywhere.
template <class T>
double keep_top(std::int64_t vocab_size, const SampleRequest& request, double total,
                SampleScratch<T>& scratch) {
  auto& weights = scratch.weights;
  auto& order = scratch.order;
  order.resize(static_cast<std::size_t>(vocab_size));
  std::iota(order.begin(), order.end(), 0);
  const auto likelier = [&](std::int32_t a, std::int32_t b) {
    const auto wa = weights[static_cast<std::size_t>(a)], wb = weights[static_cast<std::size_t>(b)];
    return wa != wb ? wa > wb : a < b;
  };
  const std::int64_t limit = request.top_k > 0 ? std::min(request.top_k, vocab_size) : vocab_size;
  std::int64_t kept = 0, sorted = 0;
  const auto sort_upto = [&](std::int64_t end) {
    std::partial_sort(order.begin() + sorted, order.begin() + end, order.end(), likelier);
    sorted = end;
  };
  double mass = 0.0, wanted = request.top_p * total;
  if (limit < vocab_size && request.top_p < 1.0) {  // top-p of what top-k left
    sort_upto(limit);
    double left = 0.0;
    for (std::int64_t i = 0; i < limit; ++i)
      left += weights[static_cast<std::size_t>(order[static_cast<std::size_t>(i)])];
    wanted = request.top_p * left;
  }
  const bool all_of_top_k = request.top_p >= 1.0;
  while (kept < limit && (kept == 0 || all_of_top_k || mass < wanted)) {
    if (kept == sorted)  // as many as are needed, in growing pieces
      sort_upto(std::min(limit, std::max<std::int64_t>(64, sorted * 4)));
    mass += weights[static_cast<std::size_t>(order[static_cast<std::size_t>(kept++)])];
  }
  for (auto it = order.begin() + kept; it != order.end(); ++it)
    weights[static_cast<std::size_t>(*it)] = 0;
  return mass;
}

template <class A>
std::int64_t inverse_cdf(const std::vector<A>& weights, const std::vector<A>& block_sums,
                         std::int64_t n, double threshold) {
  double below = 0.0;
  std::int64_t last = 0;
  for (std::size_t block = 0; block < block_sums.size(); ++block) {
    const double sum = block_sums[block];
    const auto begin = static_cast<std::int64_t>(block) * kSampleBlock;
    if (sum <= 0.0) continue;
    double running = below;
    for (std::int64_t i = begin; below + sum > threshold && i < std::min(n, begin + kSampleBlock);
         ++i) {
      const double weight = weights[static_cast<std::size_t>(i)];
      if (weight > 0.0) last = i;
      running += weight;
      if (running > threshold) return i;
    }
    below += sum;
  }
  if (weights[static_cast<std::size_t>(last)] > 0) return last;
  for (last = n - 1; last > 0 && weights[static_cast<std::size_t>(last)] <= 0; --last) {
  }
  return last;  // rounding left the threshold above the total: the last token with any mass
}

}  // namespace

template <class T>
SampledToken sample_row(const T* logits, std::int64_t vocab_size, const SampleRequest& request,
                        SampleScratch<T>& scratch) {
  using A = Accumulator<T>;
  const bool greedy = request.temperature <= 0.0;
  const A inverse_temperature = greedy ? A(1) : static_cast<A>(1.0 / request.temperature);
  const A largest = largest_of(logits, vocab_size);
  scratch.weights.resize(static_cast<std::size_t>(vocab_size));
  scratch.block_sums.resize(
      static_cast<std::size_t>((vocab_size + kSampleBlock - 1) / kSampleBlock));
  const auto sum_blocks = [&](auto&& block_sum) {
    double total = 0.0;
    for (std::size_t block = 0; block < scratch.block_sums.size(); ++block) {
      const auto begin = static_cast<std::int64_t>(block) * kSampleBlock;
      scratch.block_sums[block] = block_sum(begin, std::min(kSampleBlock, vocab_size - begin));
      total += scratch.block_sums[block];
    }
    return total;
  };
  const double total = sum_blocks([&](std::int64_t begin, std::int64_t count) {
    return weights_of(logits + begin, count, largest, inverse_temperature,
                      scratch.weights.data() + begin);
  });
  SampledToken result;
  if (greedy) {
    result.token =
        std::find_if(logits, logits + vocab_size, [&](const T& x) { return load(x) == largest; }) -
        logits;
  } else {
    double mass = total;
    if (request.top_k > 0 || request.top_p < 1.0) {
      keep_top(vocab_size, request, total, scratch);
      mass = sum_blocks([&](std::int64_t begin, std::int64_t count) {
        const auto first = scratch.weights.begin() + begin;
        return std::accumulate(first, first + count, A(0));
      });
    }
    result.kept_mass = mass / total;
    result.token =
        inverse_cdf(scratch.weights, scratch.block_sums, vocab_size, request.uniform * mass);
  }
  result.token = std::min(result.token, vocab_size - 1);
  result.logprob =
      static_cast<double>((load(logits[result.token]) - largest) * inverse_temperature) -
      std::log(total);
  return result;
}

template SampledToken sample_row<double>(const double*, std::int64_t, const SampleRequest&,
                                         SampleScratch<double>&);
template SampledToken sample_row<float>(const float*, std::int64_t, const SampleRequest&,
                                        SampleScratch<float>&);
template SampledToken sample_row<c10::BFloat16>(const c10::BFloat16*, std::int64_t,
                                                const SampleRequest&,
                                                SampleScratch<c10::BFloat16>&);

}  // namespace r1::kernels
