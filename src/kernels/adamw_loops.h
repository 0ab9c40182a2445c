#pragma once
// CPU loops of the optimizer over flat memory: one pass of AdamW, and sums of squares.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// Constants of one AdamW step, which include the bias corrections.
struct AdamWFactors {
  float decay;  // 1 - learning rate x weight decay
  float beta1, beta2;
  float step_size;   // learning rate / (1 - beta1^t)
  float root_scale;  // 1 / sqrt(1 - beta2^t)
  float epsilon;
  float grad_scale;  // factor of gradient clipping
};

/// Updates master, m and v, and writes the rounded weight to `model` unless `model` is null.
void adamw(float* master, const float* grad, float* m, float* v, c10::BFloat16* model,
           std::int64_t size, const AdamWFactors& factors);
void adamw(float* master, const c10::BFloat16* grad, float* m, float* v, c10::BFloat16* model,
           std::int64_t size, const AdamWFactors& factors);

/// Sum of squares in fp64.
double squares(const float* values, std::int64_t size);
double squares(const c10::BFloat16* values, std::int64_t size);

}  // namespace r1::kernels
