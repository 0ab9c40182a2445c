#pragma once
// The clipped value loss of PPO, and how much of the returns' variance the values explain.
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

/// Sums over tokens, entries of ValueLoss::sums. Errors are returns - old values.
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
  at::Tensor loss;  // coefficient x 0.5 x mean max((V - R)^2, (clip(V) - R)^2): this part of it
  at::Tensor sums;  // fp64 [ValueSum::Count]
};
/// values, old_values, returns [T]; V is clipped to old_values +- options.clip. The mean is over
/// the step's tokens. Reference: PPO's public code (baselines ppo2); TRL 0.7.
ValueLoss value_loss(const at::Tensor& values, const at::Tensor& old_values,
                     const at::Tensor& returns, const ValueLossOptions& options,
                     const LossDenominators& denominators);

/// value_loss (coefficient included), value_clip_fraction, return_mean, explained_variance = 1 -
/// var(returns - old values) / var(returns) (0 when the returns do not vary).
std::map<std::string, double> value_metrics(const at::Tensor& sums);

}  // namespace r1::algorithms
