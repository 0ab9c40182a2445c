#pragma once
// Advantages: generalised advantage estimation with a value head, or from groups of samples.
//
// Arithmetic is fp64 on the host (the inputs are small); results are fp64 CPU tensors, but GAE's
// whitened form follows its input.
#include <ATen/core/Tensor.h>

#include <cstdint>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

struct GaeResult {
  at::Tensor advantages;  // [T]
  at::Tensor returns;     // [T] advantages + values, what the value head learns
};
/// rewards, values [T] over ragged sequences of `lengths` int64 [S]; bootstrap_values [S]: the
/// value after the last token of a truncated sequence, 0 of a finished one. delta_t = r_t + gamma
/// V_{t+1} - V_t; A_t = delta_t + gamma lambda A_{t+1}. Reference: Schulman et al., arXiv
/// 1506.02438, equation 16.
GaeResult gae(const at::Tensor& rewards, const at::Tensor& values, const at::Tensor& lengths,
              const at::Tensor& bootstrap_values, double gamma, double lambda);

/// (x - mean) / sqrt(var + 1e-8) over all ranks' entries, var with n - 1; plus the mean when
/// keep_mean. Two reductions, so that no digits are lost.
at::Tensor whiten(const at::Tensor& x, const SumReducer& reduce, bool keep_mean = false);

struct GroupAdvantages {
  at::Tensor advantages;  // [N]
  std::int64_t num_groups = 0;
  std::int64_t num_zero_groups = 0;  // all rewards equal: nothing to learn
};
/// rewards [N], groups int64 [N] (any numbers; a group's samples are all here). A group of equal
/// rewards gives exactly zero, as does a group of one. batch_std reduces over ranks.
/// Reference: DeepSeekMath arXiv 2402.03300 (grpo), Dr.GRPO arXiv 2503.20783, RLOO arXiv
/// 2402.14740.
GroupAdvantages group_advantages(const at::Tensor& rewards, const at::Tensor& groups,
                                 const AdvantageOptions& options, const SumReducer& reduce);

}  // namespace r1::algorithms
