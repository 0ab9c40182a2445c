#include "algorithms/kl.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "base/errors.h"

namespace r1::algorithms {

at::Tensor kl_estimate(const std::string& estimator, const at::Tensor& logprobs,
                       const at::Tensor& reference_logprobs) {
  const at::Tensor d = logprobs - reference_logprobs;
  if (estimator == "k1") return d;
  if (estimator == "k2") return d.square() * 0.5;
  R1_CHECK(estimator == "k3", "estimator {}", estimator);
  return at::expm1(-d) + d;
}

at::Tensor rewards_with_kl(const at::Tensor& logprobs, const at::Tensor& reference_logprobs,
                           const at::Tensor& scores, const at::Tensor& lengths,
                           const std::string& estimator, double coefficient) {
  at::Tensor rewards =
      kl_estimate(estimator, logprobs.detach(), reference_logprobs.detach()) * -coefficient;
  const at::Tensor kept = lengths.gt(0);
  const at::Tensor last = (lengths.cumsum(0) - 1).masked_select(kept);
  return rewards.index_add(0, last, scores.to(rewards.options()).masked_select(kept));
}

void KlController::update(double sequence_kl, double num_sequences) {
  if (options_.controller == "fixed") return;
  constexpr double kLargestError = 0.2;
  const double error =
      std::clamp(sequence_kl / options_.target - 1.0, -kLargestError, kLargestError);
  coefficient_ *= 1.0 + error * num_sequences / options_.horizon;
}

}  // namespace r1::algorithms
