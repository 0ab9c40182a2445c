// Row loops of vocab_logprob, written so that the compiler vectorises them.
#include "kernels/vocab_row_loops.h"

#include <limits>

namespace r1::kernels {

R1_CPU_CLONES float row_max(const float* logits, std::int64_t size) {
  float max = -std::numeric_limits<float>::infinity();
#pragma omp simd reduction(max : max)
  for (std::int64_t i = 0; i < size; ++i) max = logits[i] > max ? logits[i] : max;
  return max;
}

R1_CPU_CLONES RowSum row_sum(const float* logits, std::int64_t size, float scale, float max,
                             bool with_dot) {
  float sum = 0.0f;
  float dot = 0.0f;
  if (with_dot) {
#pragma omp simd reduction(+ : sum, dot)
    for (std::int64_t i = 0; i < size; ++i) {
      const float z = logits[i] * scale - max;
      const float bounded = z < -87.0f ? -87.0f : z;  // -inf * 0 would be NaN
      const float e = exp_nonpositive(bounded);
      sum += e;
      dot += e * bounded;
    }
  } else {
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = 0; i < size; ++i) sum += exp_nonpositive(logits[i] * scale - max);
  }
  return {sum, dot};
}

R1_CPU_CLONES void row_gradient(float* logits, std::int64_t size, const RowGradient& row) {
  const float scale = row.scale, lse = row.lse, entropy = row.entropy;
  const float by_logprob = -row.scale * row.grad_logprob;
  const float by_entropy = -row.scale * row.grad_entropy;
  if (by_entropy == 0.0f) {
#pragma omp simd
    for (std::int64_t i = 0; i < size; ++i)
      logits[i] = by_logprob * exp_nonpositive(logits[i] * scale - lse);
    return;
  }
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) {
    const float z = logits[i] * scale - lse;
    const float bounded = z < -87.0f ? -87.0f : z;
    const float p = exp_nonpositive(bounded);
    logits[i] = p * (by_logprob + by_entropy * (bounded + entropy));
  }
}

R1_CPU_CLONES void accumulate(float* sum, const Bfloat16Bits* part, std::int64_t size) {
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) sum[i] += to_float(part[i]);
}

}  // namespace r1::kernels
