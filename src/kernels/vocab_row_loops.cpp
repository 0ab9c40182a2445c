// Row loops of vocab_logprob, written so that the compiler vectorises them.
#include "kernels/vocab_row_loops.h"

#include <limits>

namespace r1::kernels {

R1_MULTIVERSION float row_max(const float* logits, std::int64_t size) {
  float max = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : max)
  for (std::int64_t i = 0; i < size; ++i) max = logits[i] > max ? logits[i] : max;
  return max;
}

R1_MULTIVERSION RowSum row_sum(const float* logits, std::int64_t size, float scale, float max,
                               bool with_dot) {
  float sum = 0.0f;
  float dot = 0.0f;
  if (with_dot) {
#pragma omp simd reduction(+ : sum, dot)
    for (std::int64_t i = 0; i < size; ++i) {
      const float z = logits[i] * scale - max;
      const float bounded = z < -87.0f ? -87.0f : z;  // -inf * 0 would be NaN
      const float e = exponential(bounded);
      sum += e;
      dot += e * bounded;
    }
  } else {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < size; ++i) sum += exponential(logits[i] * scale - max);
  }
  return {sum, dot};
}

R1_MULTIVERSION void row_gradient(float* logits, std::int64_t size, const RowGradient& row) {
  const float scale = row.scale, lse = row.lse, entropy = row.entropy;
  const float by_logprob = -row.scale * row.grad_logprob;
  const float by_entropy = -row.scale * row.grad_entropy;
  if (by_entropy == 0.0f) {
#pragma omp simd
    for (std::int64_t i = 0; i < size; ++i)
      logits[i] = by_logprob * exponential(logits[i] * scale - lse);
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) {
    const float z = logits[i] * scale - lse;
    const float bounded = z < -87.0f ? -87.0f : z;
    const float p = exponential(bounded);
    logits[i] = p * (by_logprob + by_entropy * (bounded + entropy));
  }
}

R1_MULTIVERSION void accumulate(float* sum, const c10::BFloat16* part, std::int64_t size) {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) sum[i] += load(part[i]);
}

}  // namespace r1::kernels
