#pragma once
// CPU loops over one row of logits: the softmax statistics and the gradient, in fp32 arithmetic.
//
// z = scale * logit, scale = 1 / temperature. A row has `size` contiguous fp32 entries.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Sums over a row: of e^(z - max), and, if the entropy is wanted, of e^(z - max) (z - max).
struct RowSum {
  float sum = 0.0f;
  float dot = 0.0f;
};

float row_max(const float* logits, std::int64_t size);

/// `max` is the maximum of z, or any upper bound of z.
RowSum row_sum(const float* logits, std::int64_t size, float scale, float max, bool with_dot);

/// Replaces each logit by -scale * p * (grad_logprob + grad_entropy * (log p + entropy)), with log
/// p = z - lse. This is the gradient without the terms that belong to the targets alone.
struct RowGradient {
  float scale;
  float lse;
  float entropy;
  float grad_logprob;  // summed over the row's targets
  float grad_entropy;
};
void row_gradient(float* logits, std::int64_t size, const RowGradient& row);

/// sum[i] += part[i]: adds bfloat16 products to an fp32 sum.
void accumulate(float* sum, const c10::BFloat16* part, std::int64_t size);

}  // namespace r1::kernels
