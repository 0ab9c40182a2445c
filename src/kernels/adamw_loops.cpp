// Optimizer loops, written so that the compiler vectorises them; the loops are limited by memory
// bandwidth.
#include "kernels/adamw_loops.h"

#include <cmath>

namespace r1::kernels {
namespace {

template <bool kWritesModel, class Grad>
R1_INLINE void adamw_loop(float* __restrict master, const Grad* __restrict grad,
                          float* __restrict m, float* __restrict v, c10::BFloat16* __restrict model,
                          std::int64_t size, const AdamWFactors& given) {
  const AdamWFactors f = given;  // a copy cannot alias the stores
#pragma omp simd
  for (std::int64_t i = 0; i < size; ++i) {
    const float g = load(grad[i]) * f.grad_scale;
    const float mean = f.beta1 * m[i] + (1.0f - f.beta1) * g;
    const float square = f.beta2 * v[i] + (1.0f - f.beta2) * g * g;
    const float weight =
        master[i] * f.decay - f.step_size * mean / (std::sqrt(square) * f.root_scale + f.epsilon);
    m[i] = mean;
    v[i] = square;
    master[i] = weight;
    if constexpr (kWritesModel) store(model[i], weight);
  }
}

template <class Grad>
R1_INLINE void adamw_either(float* master, const Grad* grad, float* m, float* v,
                            c10::BFloat16* model, std::int64_t size, const AdamWFactors& factors) {
  if (model)
    adamw_loop<true>(master, grad, m, v, model, size, factors);
  else
    adamw_loop<false>(master, grad, m, v, model, size, factors);
}

template <class T>
R1_INLINE double squares_loop(const T* values, std::int64_t size) {
  double sum = 0.0;
#pragma omp simd reduction(+ : sum)
  for (std::int64_t i = 0; i < size; ++i) {
    const double x = load(values[i]);
    sum += x * x;
  }
  return sum;
}

}  // namespace

R1_MULTIVERSION void adamw(float* master, const float* grad, float* m, float* v,
                           c10::BFloat16* model, std::int64_t size, const AdamWFactors& factors) {
  adamw_either(master, grad, m, v, model, size, factors);
}
R1_MULTIVERSION void adamw(float* master, const c10::BFloat16* grad, float* m, float* v,
                           c10::BFloat16* model, std::int64_t size, const AdamWFactors& factors) {
  adamw_either(master, grad, m, v, model, size, factors);
}

R1_MULTIVERSION double squares(const float* values, std::int64_t size) {
  return squares_loop(values, size);
}
R1_MULTIVERSION double squares(const c10::BFloat16* values, std::int64_t size) {
  return squares_loop(values, size);
}

}  // namespace r1::kernels
