#include "algorithms/policy_loss.h"

#include <ATen/ATen.h>

#include "algorithms/kl.h"
#include "base/errors.h"

namespace r1::algorithms {
namespace {

/// The weight [T] of each token's term in the step's loss.
at::Tensor token_weights(const PolicyBatch& batch, const PolicyLossOptions& options,
                         const LossDenominators& denominators) {
  const auto as_terms = batch.logprobs.options().requires_grad(false);
  if (options.aggregation == "sequence_mean")
    return inverse(denominators.sequences) /
           batch.lengths.index_select(0, batch.sequence_ids).to(as_terms);
  double denominator = denominators.tokens;
  if (options.aggregation == "constant")
    denominator = denominators.sequences * options.constant_length;
  if (options.aggregation == "sequence_mean_token_sum") denominator = denominators.sequences;
  return at::full(batch.logprobs.sizes(), inverse(denominator), as_terms);
}

struct Surrogate {
  at::Tensor terms;  // [T]
  at::Tensor clipped_low, clipped_high, dual_clipped;
};

Surrogate surrogate(const at::Tensor& ratio, const at::Tensor& advantages,
                    const PolicyLossOptions& options) {
  const double low = 1.0 - options.clip_low, high = 1.0 + options.clip_high;
  Surrogate result;
  result.terms = -at::minimum(ratio * advantages, ratio.clamp(low, high) * advantages);
  const at::Tensor negative = advantages.lt(0);
  result.clipped_low = ratio.lt(low).logical_and(negative);
  result.clipped_high = ratio.gt(high).logical_and(advantages.gt(0));
  result.dual_clipped = at::zeros_like(negative);
  if (options.dual_clip > 0.0) {
    const at::Tensor bound = advantages * -options.dual_clip;
    result.dual_clipped = negative.logical_and(result.terms.gt(bound));
    result.terms = at::where(result.dual_clipped, bound, result.terms);
  }
  return result;
}

at::Tensor sum_of(const at::Tensor& values) {
  return values.detach().to(at::kDouble).sum();
}

/// In PolicySum's order.
at::Tensor statistics(const PolicyBatch& batch, const Surrogate& terms, const at::Tensor& ratio,
                      const at::Tensor& loss) {
  const at::Tensor zero = at::zeros({}, batch.logprobs.options().dtype(at::kDouble));
  const at::Tensor logprobs = batch.logprobs.detach();
  const auto reference = [&](const char* estimator) {
    return batch.reference_logprobs.defined()
               ? sum_of(kl_estimate(estimator, logprobs, batch.reference_logprobs))
               : zero;
  };
  return at::stack({zero + static_cast<double>(logprobs.numel()), sum_of(terms.clipped_low),
                    sum_of(terms.clipped_high), sum_of(terms.dual_clipped), sum_of(ratio),
                    sum_of(kl_estimate("k1", batch.old_logprobs, logprobs)),
                    sum_of(kl_estimate("k3", batch.old_logprobs, logprobs)), reference("k1"),
                    reference("k3"), batch.entropy.defined() ? sum_of(batch.entropy) : zero,
                    sum_of(loss)})
      .detach();
}

}  // namespace

PolicyLoss policy_loss(const PolicyBatch& batch, const PolicyLossOptions& options,
                       const KlOptions& kl, const LossDenominators& denominators) {
  const at::Tensor ratio = (batch.logprobs - batch.old_logprobs).exp();
  const Surrogate terms = surrogate(ratio, batch.advantages.to(ratio.scalar_type()), options);
  at::Tensor total = terms.terms;
  if (kl.in_loss() && kl.coefficient > 0.0) {
    R1_CHECK(batch.reference_logprobs.defined(), "KL in the loss needs reference log-probs");
    total = total +
            kl_estimate(kl.estimator, batch.logprobs, batch.reference_logprobs) * kl.coefficient;
  }
  if (options.entropy_coef > 0.0) {
    R1_CHECK(batch.entropy.defined(), "an entropy bonus needs the entropy");
    total = total - batch.entropy * options.entropy_coef;
  }
  const at::Tensor loss = (total * token_weights(batch, options, denominators)).sum();
  return {loss, statistics(batch, terms, ratio, loss)};
}

std::map<std::string, double> policy_metrics(const at::Tensor& sums) {
  const at::Tensor host = sums.to(at::kCPU);
  const auto sum = [&](PolicySum which) {
    return host[static_cast<std::int64_t>(which)].item<double>();
  };
  const double per_token = inverse(sum(PolicySum::Tokens));
  return {{"clip_fraction_low", sum(PolicySum::ClippedLow) * per_token},
          {"clip_fraction_high", sum(PolicySum::ClippedHigh) * per_token},
          {"clip_fraction_dual", sum(PolicySum::DualClipped) * per_token},
          {"ratio_mean", sum(PolicySum::Ratio) * per_token},
          {"kl_old_new", sum(PolicySum::KlOldNewK1) * per_token},
          {"kl_old_new_k3", sum(PolicySum::KlOldNewK3) * per_token},
          {"kl_token", sum(PolicySum::KlReferenceK1) * per_token},
          {"kl_token_k3", sum(PolicySum::KlReferenceK3) * per_token},
          {"entropy", sum(PolicySum::Entropy) * per_token},
          {"policy_loss", sum(PolicySum::Loss)}};
}

}  // namespace r1::algorithms
