#pragma once
// Fused CPU kernels of a transformer layer on raw pointers: norm (+ residual), rotary embedding,
// gated SiLU. T is double, float or c10::BFloat16; sums are held in Accumulator<T>. Rows are
// contiguous. Each function handles rows [begin, end), so that callers split the rows over threads;
// results do not depend on the split. Their plain ATen references are in nn/ (used on GPUs, and by
// the tests).
#include <cstdint>

#include "kernels/cpu_math.h"

namespace r1::kernels {

/// sum = x + residual, normed = sum / rms(sum) * weight; residual may be null: the norm of x
/// itself, and `sum` is not written. inverse_rms [rows] is kept for backward. Reference: Zhang and
/// Sennrich, arXiv 1910.07467.
template <class T>
void rms_norm_rows(const T* x, const Accumulator<T>* residual, const T* weight, Accumulator<T>* sum,
                   T* normed, Accumulator<T>* inverse_rms, std::int64_t begin, std::int64_t end,
                   std::int64_t dim, double epsilon);

/// grad_input = d loss / d sum through the norm + grad_sum (null: 0); grad_weight [dim] is
/// accumulated (+=). S: the type of what was normed, Accumulator<T> for a sum, T for x itself.
template <class T, class S>
void rms_norm_backward_rows(const T* grad_normed, const S* grad_sum, const S* sum, const T* weight,
                            const Accumulator<T>* inverse_rms, S* grad_input,
                            Accumulator<T>* grad_weight, std::int64_t begin, std::int64_t end,
                            std::int64_t dim);

/// Rotates pairs (i, i + head_dim/2) of every head by the angle of the row; `cos`, `sin` [rows,
/// head_dim/2]. `sign` = -1 is the backward pass. `row_stride` of x and y in elements (x may be a
/// slice of fused q/k/v). Reference: Su et al., arXiv 2104.09864; pair order as in Hugging Face
/// files.
template <class T>
void rope_rows(const T* x, std::int64_t x_stride, const Accumulator<T>* cos,
               const Accumulator<T>* sin, T* y, std::int64_t y_stride, std::int64_t begin,
               std::int64_t end, std::int64_t num_heads, std::int64_t head_dim, double sign);

/// y = silu(gate) * up where a row of gate_up is [gate (dim), up (dim)].
template <class T>
void silu_mul_rows(const T* gate_up, T* y, std::int64_t begin, std::int64_t end, std::int64_t dim);

/// grad_gate_up from grad_y.
template <class T>
void silu_mul_backward_rows(const T* gate_up, const T* grad_y, T* grad_gate_up, std::int64_t begin,
                            std::int64_t end, std::int64_t dim);

}  // namespace r1::kernels
