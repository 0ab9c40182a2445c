#pragma once
// KL divergence of policy and reference: estimators per token, the penalty in the reward, its
// weight.
// Reference: Schulman, "Approximating KL divergence" (2020) for k1, k2, k3; Ziegler et al.,
// arXiv 1909.08593, section 2.2 for the penalty and its adaptive weight.
#include <ATen/core/Tensor.h>

#include <string>

#include "algorithms/options.h"

namespace r1::algorithms {

/// With d = logprobs - reference: k1 d, k2 d^2/2, k3 e^-d + d - 1. Any shape; differentiable.
at::Tensor kl_estimate(const std::string& estimator, const at::Tensor& logprobs,
                       const at::Tensor& reference_logprobs);

/// Rewards per token [T]: -coefficient x estimate at each, plus the score [S] of its sequence at
/// the last token. A sequence without tokens leaves no trace.
at::Tensor rewards_with_kl(const at::Tensor& logprobs, const at::Tensor& reference_logprobs,
                           const at::Tensor& scores, const at::Tensor& lengths,
                           const std::string& estimator, double coefficient);

/// The weight of the penalty, fixed or adaptive. Its coefficient() belongs into checkpoints.
class KlController {
 public:
  explicit KlController(const KlOptions& options)
      : options_(options), coefficient_(options.coefficient) {}
  double coefficient() const { return coefficient_; }
  void restore(double coefficient) { coefficient_ = coefficient; }
  /// After a step: the mean over its sequences of KL summed over tokens, and how many they were.
  void update(double sequence_kl, double num_sequences);

 private:
  KlOptions options_;
  double coefficient_;
};

}  // namespace r1::algorithms
