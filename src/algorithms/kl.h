#pragma once
// KL divergence between policy and reference: estimators per token, the penalty in the reward, and
// the coefficient of the penalty. Reference: Schulman, "Approximating KL divergence" (2020) for k1,
// k2, k3; Ziegler et al., arXiv 1909.08593, section 2.2 for the penalty and the adaptive
// coefficient.
#include <ATen/core/Tensor.h>

#include <string>

#include "algorithms/options.h"

namespace r1::algorithms {

/// With d = logprobs - reference: k1 is d, k2 is d^2/2, k3 is e^-d + d - 1. Any shape;
/// differentiable.
at::Tensor kl_estimate(const std::string& estimator, const at::Tensor& logprobs,
                       const at::Tensor& reference_logprobs);

/// Rewards per token [T]: -coefficient x estimate at each token, plus the score [S] of the sequence
/// at the last token. The score of a sequence without tokens is dropped.
at::Tensor rewards_with_kl(const at::Tensor& logprobs, const at::Tensor& reference_logprobs,
                           const at::Tensor& scores, const at::Tensor& lengths,
                           const std::string& estimator, double coefficient);

/// The coefficient of the penalty, fixed or adaptive. Checkpoints contain coefficient().
class KlController {
 public:
  explicit KlController(const KlOptions& options)
      : options_(options), coefficient_(options.coefficient) {}
  double coefficient() const { return coefficient_; }
  void restore(double coefficient) { coefficient_ = coefficient; }
  /// Adapts the coefficient after a step. `sequence_kl`: KL summed over the tokens of a sequence,
  /// averaged over sequences. `num_sequences`: sequences of the step.
  void update(double sequence_kl, double num_sequences);

 private:
  KlOptions options_;
  double coefficient_;
};

}  // namespace r1::algorithms
