#include "algorithms/value_loss.h"

#include <ATen/ATen.h>

namespace r1::algorithms {

ValueLoss value_loss(const at::Tensor& values, const at::Tensor& old_values,
                     const at::Tensor& returns, const ValueLossOptions& options,
                     const LossDenominators& denominators) {
  const at::Tensor target = returns.to(values.scalar_type());
  const at::Tensor old = old_values.to(values.scalar_type());
  at::Tensor terms = (values - target).square();
  at::Tensor clipped = at::zeros_like(terms.detach());
  if (options.clip > 0.0) {
    const at::Tensor near = at::min(at::max(values, old - options.clip), old + options.clip);
    const at::Tensor bounded = (near - target).square();
    clipped = bounded.gt(terms);
    terms = at::where(clipped, bounded, terms);
  }
  const at::Tensor loss = terms.sum() * (0.5 * options.coefficient * inverse(denominators.tokens));
  const at::Tensor r = returns.detach().to(at::kDouble);
  const at::Tensor error = r - old_values.detach().to(at::kDouble);
  const at::Tensor count = at::full({}, static_cast<double>(r.numel()), r.options());
  return {loss, at::stack({count, clipped.to(at::kDouble).sum(), r.sum(), r.square().sum(),
                           error.sum(), error.square().sum(), loss.detach().to(at::kDouble)})};
}

std::map<std::string, double> value_metrics(const at::Tensor& sums) {
  const at::Tensor host = sums.to(at::kCPU);
  const auto sum = [&](ValueSum which) {
    return host[static_cast<std::int64_t>(which)].item<double>();
  };
  const double per_token = inverse(sum(ValueSum::Tokens));
  const auto variance = [&](ValueSum first, ValueSum second) {
    const double mean = sum(first) * per_token;
    return sum(second) * per_token - mean * mean;
  };
  const double of_returns = variance(ValueSum::Returns, ValueSum::ReturnsSquared);
  const double of_errors = variance(ValueSum::Errors, ValueSum::ErrorsSquared);
  return {{"value_loss", sum(ValueSum::Loss)},
          {"value_clip_fraction", sum(ValueSum::Clipped) * per_token},
          {"return_mean", sum(ValueSum::Returns) * per_token},
          {"explained_variance", of_returns > 0.0 ? 1.0 - of_errors / of_returns : 0.0}};
}

}  // namespace r1::algorithms
