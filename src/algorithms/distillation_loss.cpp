#include "algorithms/distillation_loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

DistillationLoss distillation_loss(const at::Tensor& divergence, const at::Tensor& hard,
                                   const DistillationLossOptions& options,
                                   const LossDenominators& denominators) {
  const double per_token = inverse(denominators.tokens);
  const double soft_scale =
      options.soft_reduction == "batch" ? inverse(denominators.sequences) : per_token;
  at::Tensor loss = hard.sum() * (options.hard_weight * per_token);
  const at::Tensor hard_sum = hard.detach().to(at::kDouble).sum();
  at::Tensor soft_sum = at::zeros_like(hard_sum);
  if (divergence.defined()) {
    loss = loss + divergence.sum() * (options.soft_weight * options.temperature *
                                      options.temperature * soft_scale);
    soft_sum = divergence.detach().to(at::kDouble).sum();
  }
  const at::Tensor count = at::full_like(hard_sum, static_cast<double>(hard.numel()));
  return {loss, at::stack({count, soft_sum, hard_sum})};
}

}  // namespace r1::algorithms
