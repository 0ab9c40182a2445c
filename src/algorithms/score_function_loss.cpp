#include "algorithms/score_function_loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

at::Tensor centred_costs(const at::Tensor& safety, const SumReducer& reduce) {
  const at::Tensor cost = -safety.detach().to(at::kDouble).clamp_min(kLeastSafety).log();
  at::Tensor sums =
      at::stack({cost.sum(), at::full({}, static_cast<double>(cost.numel()), cost.options())});
  reduce(sums);
  return cost - sums[0] / sums[1].clamp_min(1.0);
}

at::Tensor score_function_loss(const at::Tensor& logprobs, const at::Tensor& sequence_ids,
                               const at::Tensor& weights, const LossDenominators& denominators) {
  const at::Tensor per_token =
      weights.detach().to(logprobs.options().requires_grad(false)).index_select(0, sequence_ids);
  return (logprobs * per_token).sum() * inverse(denominators.sequences);
}

}  // namespace r1::algorithms
