// Row loops of vocab_logprob, written so that the compiler vectorises them.
#include "parallel/vocab_row_loops.h"

#include <limits>

namespace r1::parallel {
namespace {

using tensor::Bfloat16Bits;
using tensor::exp_nonpositive;
using tensor::store;
using tensor::to_float;

template <class T>
R1_INLINE float max_loop(const T* logits, std::int64_t size) {
  float max = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : max)
  for (std::int64_t i = 0; i < size; ++i) {
    const float x = to_float(logits[i]);
    max = x > max ? x : max;
  }
  return max;
}

template <class T>
R1_INLINE RowSum sum_loop(const T* logits, std::int64_t size, float scale, float max,
                          bool with_dot) {
  float sum = 0.0f;
  float dot = 0.0f;
  if (with_dot) {
#pragma omp simd reduction(+ : sum, dot)
    for (std::int64_t i = 0; i < size; ++i) {
      const float z = to_float(logits[i]) * scale - max;
      const float bounded = z < -87.0f ? -87.0f : z;  // -inf * 0 would be NaN
      const float e = exp_nonpositive(bounded);
      sum += e;
      dot += e * bounded;
    }
  } else {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < size; ++i)
      sum += exp_nonpositive(to_float(logits[i]) * scale - max);
  }
  return {sum, dot};
}

template <class T>
R1_INLINE void gradient_loop(T* logits, std::int64_t size, const RowGradient& row) {
  const float scale = row.scale, lse = row.lse, entropy = row.entropy;
  const float by_logprob = -row.scale * row.grad_logprob;
  const float by_entropy = -row.scale * row.grad_entropy;
  if (by_entropy == 0.0f) {
#pragma omp simd
    for (std::int64_t i = 0; i < size; ++i)
      store(logits + i, by_logprob * exp_nonpositive(to_float(logits[i]) * scale - lse));
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) {
    const float z = to_float(logits[i]) * scale - lse;
    const float bounded = z < -87.0f ? -87.0f : z;
    const float p = exp_nonpositive(bounded);
    store(logits + i, p * (by_logprob + by_entropy * (bounded + entropy)));
  }
}

}  // namespace

R1_CPU_CLONES float row_max(const float* logits, std::int64_t size) {
  return max_loop(logits, size);
}
R1_CPU_CLONES float row_max(const Bfloat16Bits* logits, std::int64_t size) {
  return max_loop(logits, size);
}

R1_CPU_CLONES RowSum row_sum(const float* logits, std::int64_t size, float scale, float max,
                             bool with_dot) {
  return sum_loop(logits, size, scale, max, with_dot);
}
R1_CPU_CLONES RowSum row_sum(const Bfloat16Bits* logits, std::int64_t size, float scale, float max,
                             bool with_dot) {
  return sum_loop(logits, size, scale, max, with_dot);
}

R1_CPU_CLONES void row_gradient(float* logits, std::int64_t size, const RowGradient& row) {
  gradient_loop(logits, size, row);
}
R1_CPU_CLONES void row_gradient(Bfloat16Bits* logits, std::int64_t size, const RowGradient& row) {
  gradient_loop(logits, size, row);
}

float gradient_of(float logit, const RowGradient& row) {
  gradient_loop(&logit, 1, row);
  return logit;
}

R1_CPU_CLONES void accumulate(float* sum, const Bfloat16Bits* part, std::int64_t size) {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) sum[i] += to_float(part[i]);
}

}  // namespace r1::parallel
