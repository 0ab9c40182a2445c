#pragma once
// The clipped value loss of PPO, and the explained variance of the returns.
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

/// Indices of ValueLoss::sums: sums over tokens. An error is the return minus the old value.
enum class ValueSum {
  Tokens,
  Clipped,
  Returns,
  ReturnsSquared,
  Errors,
  ErrorsSquared,
  Loss,
  Count
};

struct ValueLoss {
  // This micro-batch's part of coefficient x 0.5 x mean max((V - R)^2, (clip(V) - R)^2).
  at::Tensor loss;
  at::Tensor sums;  // fp64 [ValueSum::Count]
};
/// values, old_values, returns: [T]. V is clipped to old_values +- options.clip. The mean is over
/// the tokens of the step. Reference: PPO's public code (baselines ppo2); TRL 0.7.
ValueLoss value_loss(const at::Tensor& values, const at::Tensor& old_values,
                     const at::Tensor& returns, const ValueLossOptions& options,
                     const LossDenominators& denominators);

/// Metrics of a step from its summed sums: value_loss (with coefficient), value_clip_fraction,
/// return_mean, and explained_variance = 1 - var(returns - old values) / var(returns), or 0 if the
/// returns are constant.
std::map<std::string, double> value_metrics(const at::Tensor& sums);

}  // namespace r1::algorithms
