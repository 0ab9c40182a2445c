#pragma once
// CPU loops over one row of logits: the softmax statistics and the gradient, fp32 arithmetic.
//
// z = scale * logit throughout (scale = 1 / temperature). Rows are contiguous fp32,
// `size` entries.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Sums over a row: of e^(z - max), and of e^(z - max) (z - max) when the entropy is wanted.
struct RowSum {
  float sum = 0.0f;
  float dot = 0.0f;
};

float row_max(const float* logits, std::int64_t size);

/// `max` is of z (any upper bound serves).
RowSum row_sum(const float* logits, std::int64_t size, float scale, float max, bool with_dot);

/// Replaces each logit by -scale * p * (grad_logprob + grad_entropy * (log p + entropy)), with
/// log p = z - lse: the gradient but for the targets' own terms.
struct RowGradient {
  float scale;
  float lse;
  float entropy;
  float grad_logprob;  // summed over the row's targets
  float grad_entropy;
};
void row_gradient(float* logits, std::int64_t size, const RowGradient& row);

/// sum[i] += part[i]: collects bfloat16 products in fp32.
void accumulate(float* sum, const c10::BFloat16* part, std::int64_t size);

}  // namespace r1::kernels
