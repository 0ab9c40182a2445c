#include "kernels/cpu_elementwise.h"

namespace r1::kernels {
namespace {

// The bodies are inlined into the multi-version wrappers below, because GCC does not clone
// templates.
/// Returns 1 / rms.
template <class In, class T>
[[gnu::always_inline]] inline Accumulator<T> normalize_row(const In* in, const T* weight, T* out,
                                                           std::int64_t dim, double epsilon) {
  using A = Accumulator<T>;
  A squares = 0;
#pragma omp simd reduction(+ : squares)
  for (std::int64_t i = 0; i < dim; ++i) squares += load(in[i]) * load(in[i]);
  const A scale = A(1) / std::sqrt(squares / A(dim) + A(epsilon));
#pragma omp simd
  for (std::int64_t i = 0; i < dim; ++i) store(out[i], load(in[i]) * scale * load(weight[i]));
  return scale;
}

template <class T>
[[gnu::always_inline]] inline void rms_norm_body(const T* x, const Accumulator<T>* residual,
                                                 const T* weight, Accumulator<T>* sum, T* normed,
                                                 Accumulator<T>* inverse_rms, std::int64_t begin,
                                                 std::int64_t end, std::int64_t dim,
                                                 double epsilon) {
  for (std::int64_t row = begin; row < end; ++row) {
    const T* in = x + row * dim;
    T* out = normed + row * dim;
    if (residual == nullptr) {
      inverse_rms[row] = normalize_row(in, weight, out, dim, epsilon);
      continue;
    }
    const auto* other = residual + row * dim;
    auto* total = sum + row * dim;
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) total[i] = load(in[i]) + other[i];
    inverse_rms[row] = normalize_row(total, weight, out, dim, epsilon);
  }
}

template <class T, class S>
[[gnu::always_inline]] inline void rms_norm_backward_body(
    const T* grad_normed, const S* grad_sum, const S* sum, const T* weight,
    const Accumulator<T>* inverse_rms, S* grad_input, Accumulator<T>* grad_weight,
    std::int64_t begin, std::int64_t end, std::int64_t dim) {
  using A = Accumulator<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* grad = grad_normed + row * dim;
    const S* in = sum + row * dim;
    S* out = grad_input + row * dim;
    const A scale = inverse_rms[row];
    A dot = 0;
#pragma omp simd reduction(+ : dot)
    for (std::int64_t i = 0; i < dim; ++i) dot += load(grad[i]) * load(weight[i]) * load(in[i]);
    const A mean = dot * scale * scale / A(dim);
    if (grad_sum != nullptr) {
      const S* direct = grad_sum + row * dim;
#pragma omp simd
      for (std::int64_t i = 0; i < dim; ++i)
        store(out[i],
              scale * (load(grad[i]) * load(weight[i]) - load(in[i]) * mean) + load(direct[i]));
    } else {
#pragma omp simd
      for (std::int64_t i = 0; i < dim; ++i)
        store(out[i], scale * (load(grad[i]) * load(weight[i]) - load(in[i]) * mean));
    }
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) grad_weight[i] += load(grad[i]) * load(in[i]) * scale;
  }
}

template <class T>
[[gnu::always_inline]] inline void rope_body(const T* x, std::int64_t x_stride,
                                             const Accumulator<T>* cos, const Accumulator<T>* sin,
                                             T* y, std::int64_t y_stride, std::int64_t begin,
                                             std::int64_t end, std::int64_t num_heads,
                                             std::int64_t head_dim, double sign) {
  using A = Accumulator<T>;
  const std::int64_t half = head_dim / 2;
  const A s = static_cast<A>(sign);
  for (std::int64_t row = begin; row < end; ++row) {
    const A* c = cos + row * half;
    const A* n = sin + row * half;
    for (std::int64_t head = 0; head < num_heads; ++head) {
      const T* in = x + row * x_stride + head * head_dim;
      T* out = y + row * y_stride + head * head_dim;
#pragma omp simd
      for (std::int64_t i = 0; i < half; ++i) {
        const A a = load(in[i]);
        const A b = load(in[i + half]);
        store(out[i], a * c[i] - b * n[i] * s);
        store(out[i + half], b * c[i] + a * n[i] * s);
      }
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void silu_mul_body(const T* gate_up, T* y, std::int64_t begin,
                                                 std::int64_t end, std::int64_t dim) {
  using A = Accumulator<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = gate_up + row * 2 * dim;
    const T* up = gate + dim;
    T* out = y + row * dim;
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) {
      const A g = load(gate[i]);
      store(out[i], g / (A(1) + exponential(-g)) * load(up[i]));
    }
  }
}

template <class T>
[[gnu::always_inline]] inline void silu_mul_backward_body(const T* gate_up, const T* grad_y,
                                                          T* grad_gate_up, std::int64_t begin,
                                                          std::int64_t end, std::int64_t dim) {
  using A = Accumulator<T>;
  for (std::int64_t row = begin; row < end; ++row) {
    const T* gate = gate_up + row * 2 * dim;
    const T* up = gate + dim;
    const T* grad = grad_y + row * dim;
    T* grad_gate = grad_gate_up + row * 2 * dim;
    T* grad_up = grad_gate + dim;
#pragma omp simd
    for (std::int64_t i = 0; i < dim; ++i) {
      const A g = load(gate[i]);
      const A d = load(grad[i]);
      const A sigmoid = A(1) / (A(1) + exponential(-g));
      store(grad_up[i], d * g * sigmoid);
      store(grad_gate[i], d * load(up[i]) * sigmoid * (A(1) + g * (A(1) - sigmoid)));
    }
  }
}

}  // namespace

#define R1_INSTANTIATE(T)                                                                         \
  template <>                                                                                     \
  R1_MULTIVERSION void rms_norm_rows<T>(const T* x, const Accumulator<T>* residual,               \
                                        const T* weight, Accumulator<T>* sum, T* normed,          \
                                        Accumulator<T>* inverse_rms, std::int64_t begin,          \
                                        std::int64_t end, std::int64_t dim, double epsilon) {     \
    rms_norm_body<T>(x, residual, weight, sum, normed, inverse_rms, begin, end, dim, epsilon);    \
  }                                                                                               \
  template <>                                                                                     \
  R1_MULTIVERSION void rope_rows<T>(const T* x, std::int64_t x_stride, const Accumulator<T>* cos, \
                                    const Accumulator<T>* sin, T* y, std::int64_t y_stride,       \
                                    std::int64_t begin, std::int64_t end, std::int64_t num_heads, \
                                    std::int64_t head_dim, double sign) {                         \
    rope_body<T>(x, x_stride, cos, sin, y, y_stride, begin, end, num_heads, head_dim, sign);      \
  }                                                                                               \
  template <>                                                                                     \
  R1_MULTIVERSION void silu_mul_rows<T>(const T* gate_up, T* y, std::int64_t begin,               \
                                        std::int64_t end, std::int64_t dim) {                     \
    silu_mul_body<T>(gate_up, y, begin, end, dim);                                                \
  }                                                                                               \
  template <>                                                                                     \
  R1_MULTIVERSION void silu_mul_backward_rows<T>(const T* gate_up, const T* grad_y,               \
                                                 T* grad_gate_up, std::int64_t begin,             \
                                                 std::int64_t end, std::int64_t dim) {            \
    silu_mul_backward_body<T>(gate_up, grad_y, grad_gate_up, begin, end, dim);                    \
  }

R1_INSTANTIATE(double)
R1_INSTANTIATE(float)
R1_INSTANTIATE(c10::BFloat16)
#undef R1_INSTANTIATE

#define R1_INSTANTIATE(T, S)                                                                  \
  template <>                                                                                 \
  R1_MULTIVERSION void rms_norm_backward_rows<T, S>(                                          \
      const T* grad_normed, const S* grad_sum, const S* sum, const T* weight,                 \
      const Accumulator<T>* inverse_rms, S* grad_input, Accumulator<T>* grad_weight,          \
      std::int64_t begin, std::int64_t end, std::int64_t dim) {                               \
    rms_norm_backward_body<T, S>(grad_normed, grad_sum, sum, weight, inverse_rms, grad_input, \
                                 grad_weight, begin, end, dim);                               \
  }

R1_INSTANTIATE(double, double)
R1_INSTANTIATE(float, float)
R1_INSTANTIATE(c10::BFloat16, c10::BFloat16)
R1_INSTANTIATE(c10::BFloat16, float)
#undef R1_INSTANTIATE

}  // namespace r1::kernels
