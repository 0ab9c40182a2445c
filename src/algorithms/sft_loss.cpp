#include "algorithms/sft_loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

SftLoss sft_loss(const at::Tensor& logprobs, const LossDenominators& denominators) {
  const at::Tensor nll = -logprobs.detach().to(at::kDouble).sum();
  return {logprobs.sum() * -sft_token_weight(denominators),
          at::stack({at::full_like(nll, static_cast<double>(logprobs.numel())), nll})};
}

}  // namespace r1::algorithms
