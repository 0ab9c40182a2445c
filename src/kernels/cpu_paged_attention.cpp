#include "kernels/cpu_paged_attention.h"

#include <algorithm>

namespace r1::kernels {
namespace {

template <class T>
[[gnu::always_inline]] inline Accumulator<T> dot(const T* a, const T* b, std::int64_t n) {
  Accumulator<T> sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < n; ++i) sum += load(a[i]) * load(b[i]);
  return sum;
}

/// scores[0..length) -> softmax in place.
template <class A>
[[gnu::always_inline]] inline void softmax(A* scores, std::int64_t length) {
  A largest = scores[0];
  for (std::int64_t t = 1; t < length; ++t) largest = std::max(largest, scores[t]);
  A sum = 0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t t = 0; t < length; ++t) {
    scores[t] = exponential(scores[t] - largest);
    sum += scores[t];
  }
  const A inverse = A(1) / sum;
#pragma omp simd
  for (std::int64_t t = 0; t < length; ++t) scores[t] *= inverse;
}

/// The first token of a head in a block.
template <class T>
[[gnu::always_inline]] inline const T* tile(const T* cache, const CacheStrides& strides,
                                            std::int64_t block, std::int64_t head) {
  return cache + block * strides.block + head * strides.head;
}

template <class T>
[[gnu::always_inline]] inline void attend_pair(const PagedAttentionArguments<T>& a,
                                               Accumulator<T>* scratch, std::int64_t row,
                                               std::int64_t kv_head) {
  using A = Accumulator<T>;
  const std::int64_t group = a.num_heads / a.num_kv_heads;
  const std::int64_t length = a.context_lengths[row];
  const std::int32_t* table = a.block_table + row * a.max_blocks;
  const T* query = a.query + (row * a.num_heads + kv_head * group) * a.key_dim;
  T* output = a.output + (row * a.num_heads + kv_head * group) * a.value_dim;
  A* sums = scratch + group * length;
  for (std::int64_t start = 0; start < length; start += a.block_size) {
    const T* keys = tile(a.key_cache, a.key_strides, table[start / a.block_size], kv_head);
    const std::int64_t count = std::min(a.block_size, length - start);
    for (std::int64_t t = 0; t < count; ++t)
      for (std::int64_t g = 0; g < group; ++g)
        scratch[g * length + start + t] =
            dot(query + g * a.key_dim, keys + t * a.key_strides.token, a.key_dim) *
            static_cast<A>(a.scale);
  }
  for (std::int64_t g = 0; g < group; ++g) softmax(scratch + g * length, length);
  std::fill(sums, sums + group * a.value_dim, A(0));
  for (std::int64_t start = 0; start < length; start += a.block_size) {
    const T* values = tile(a.value_cache, a.value_strides, table[start / a.block_size], kv_head);
    const std::int64_t count = std::min(a.block_size, length - start);
    for (std::int64_t t = 0; t < count; ++t)
      for (std::int64_t g = 0; g < group; ++g) {
        const A weight = scratch[g * length + start + t];
        A* sum = sums + g * a.value_dim;
#pragma omp simd
        for (std::int64_t i = 0; i < a.value_dim; ++i)
          sum[i] += weight * load(values[t * a.value_strides.token + i]);
      }
  }
  for (std::int64_t i = 0; i < group * a.value_dim; ++i) store(output[i], sums[i]);
}

template <class T>
[[gnu::always_inline]] inline void attend_pairs(const PagedAttentionArguments<T>& a,
                                                Accumulator<T>* scratch, std::int64_t begin,
                                                std::int64_t end) {
  for (std::int64_t pair = begin; pair < end; ++pair)
    attend_pair(a, scratch, pair / a.num_kv_heads, pair % a.num_kv_heads);
}

}  // namespace

template <>
R1_MULTIVERSION void paged_attention_pairs<double>(const PagedAttentionArguments<double>& a,
                                                   double* scratch, std::int64_t begin,
                                                   std::int64_t end) {
  attend_pairs(a, scratch, begin, end);
}
template <>
R1_MULTIVERSION void paged_attention_pairs<float>(const PagedAttentionArguments<float>& a,
                                                  float* scratch, std::int64_t begin,
                                                  std::int64_t end) {
  attend_pairs(a, scratch, begin, end);
}
template <>
R1_MULTIVERSION void paged_attention_pairs<c10::BFloat16>(
    const PagedAttentionArguments<c10::BFloat16>& a, float* scratch, std::int64_t begin,
    std::int64_t end) {
  attend_pairs(a, scratch, begin, end);
}

}  // namespace r1::kernels
