#pragma once
// Advantages: generalised advantage estimation (GAE) with a value head, or group-relative
// advantages.
//
// Arithmetic is fp64 on the host, because the inputs are small; results are fp64 CPU tensors. The
// result of whiten() has the dtype of its input.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

struct GaeResult {
  at::Tensor advantages;  // [T]
  at::Tensor returns;     // [T], advantages + values: the targets of the value head
};
/// rewards, values: [T] over ragged sequences of `lengths` int64 [S]. bootstrap_values [S]: the
/// value after the last token of a truncated sequence, 0 for a finished sequence. delta_t = r_t +
/// gamma V_{t+1} - V_t; A_t = delta_t + gamma lambda A_{t+1}. Reference: Schulman et al., arXiv
/// 1506.02438, equation 16.
GaeResult gae(const at::Tensor& rewards, const at::Tensor& values, const at::Tensor& lengths,
              const at::Tensor& bootstrap_values, double gamma, double lambda);

/// Returns (x - mean) / sqrt(var + 1e-8) over the entries of all ranks, with n - 1 in the variance,
/// plus the mean if keep_mean. Mean and variance are reduced one after the other, which is more
/// precise than sums of squares.
at::Tensor whiten(const at::Tensor& x, const SumReducer& reduce, bool keep_mean = false);

struct GroupAdvantages {
  at::Tensor advantages;  // [N]
  std::int64_t num_groups = 0;
  std::int64_t num_zero_groups = 0;  // groups with equal rewards, which have no learning signal
};
/// rewards [N], groups int64 [N]: any group numbers; all samples of a group must be present. A
/// group with equal rewards has advantages of exactly 0, and so has a group of one sample.
/// batch_std reduces over ranks. Reference: DeepSeekMath arXiv 2402.03300 (grpo), Dr.GRPO arXiv
/// 2503.20783, RLOO arXiv 2402.14740.
GroupAdvantages group_advantages(const at::Tensor& rewards, const at::Tensor& groups,
                                 const AdvantageOptions& options, const SumReducer& reduce);

}  // namespace r1::algorithms
