#pragma once
// Fused CPU kernels of a transformer layer on raw pointers: norm with residual addition, rotary
// embedding, gated SiLU. T is double, float or c10::BFloat16; sums are held in Accumulator<T>. Rows
// are contiguous. Each function handles rows [begin, end), so that callers split the rows over
// threads; the results do not depend on the split. The plain ATen references are the *_reference
// functions of add_rms_norm.h, rope.h and silu_mul.h.
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// sum = x + residual, normed = sum / rms(sum) * weight. If `residual` is null, x itself is normed
/// and `sum` is not written. inverse_rms [rows] is kept for the backward pass. Reference: Zhang and
/// Sennrich, arXiv 1910.07467.
template <class T>
void rms_norm_rows(const T* x, const Accumulator<T>* residual, const T* weight, Accumulator<T>* sum,
                   T* normed, Accumulator<T>* inverse_rms, std::int64_t begin, std::int64_t end,
                   std::int64_t dim, double epsilon);

/// grad_input = d loss / d sum through the norm + grad_sum (null: 0). The gradient of the weight is
/// added to grad_weight [dim]. S is the type of the normed tensor: Accumulator<T> for a sum, T for
/// x itself.
template <class T, class S>
void rms_norm_backward_rows(const T* grad_normed, const S* grad_sum, const S* sum, const T* weight,
                            const Accumulator<T>* inverse_rms, S* grad_input,
                            Accumulator<T>* grad_weight, std::int64_t begin, std::int64_t end,
                            std::int64_t dim);

/// Rotates the pairs (i, i + head_dim/2) of every head by the angle of the row; `cos`, `sin` [rows,
/// head_dim/2]. `sign` = -1 is the backward pass. The strides of rows of x and y are in elements,
/// because x may be a slice of fused q/k/v. Reference: Su et al., arXiv 2104.09864; the order of
/// pairs is the order in Hugging Face files.
template <class T>
void rope_rows(const T* x, std::int64_t x_stride, const Accumulator<T>* cos,
               const Accumulator<T>* sin, T* y, std::int64_t y_stride, std::int64_t begin,
               std::int64_t end, std::int64_t num_heads, std::int64_t head_dim, double sign);

/// y = silu(gate) * up. A row of gate_up is [gate (dim), up (dim)].
template <class T>
void silu_mul_rows(const T* gate_up, T* y, std::int64_t begin, std::int64_t end, std::int64_t dim);

/// Computes grad_gate_up from grad_y.
template <class T>
void silu_mul_backward_rows(const T* gate_up, const T* grad_y, T* grad_gate_up, std::int64_t begin,
                            std::int64_t end, std::int64_t dim);

}  // namespace r1::kernels
