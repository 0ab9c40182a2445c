#include "algorithms/distillation_loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

DistillationTokenWeights distillation_token_weights(const DistillationLossOptions& options,
                                                    const LossDenominators& denominators) {
  const double per_token = inverse(denominators.tokens);
  const double soft_scale =
      options.soft_reduction == "batch" ? inverse(denominators.sequences) : per_token;
  return {options.soft_weight * options.temperature * options.temperature * soft_scale,
          options.hard_weight * per_token};
}

DistillationLoss distillation_loss(const at::Tensor& divergence, const at::Tensor& hard,
                                   const DistillationLossOptions& options,
                                   const LossDenominators& denominators) {
  const auto weights = distillation_token_weights(options, denominators);
  at::Tensor loss = hard.sum() * weights.hard;
  const at::Tensor hard_sum = hard.detach().to(at::kDouble).sum();
  at::Tensor soft_sum = at::zeros_like(hard_sum);
  if (divergence.defined()) {
    loss = loss + divergence.sum() * weights.soft;
    soft_sum = divergence.detach().to(at::kDouble).sum();
  }
  const at::Tensor count = at::full_like(hard_sum, static_cast<double>(hard.numel()));
  return {loss, at::stack({count, soft_sum, hard_sum})};
}

}  // namespace r1::algorithms
