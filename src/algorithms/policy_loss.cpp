#include "algorithms/policy_loss.h"

#include <ATen/ATen.h>

#include "algorithms/kl.h"
#include "algorithms/rollout_correction.h"
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

/// The importance ratio of each token, [T]. A ratio of a sequence has, at each of its tokens, the
/// gradient of this token's log-probability.
at::Tensor importance_ratios(const PolicyBatch& batch, const PolicyLossOptions& options) {
  const at::Tensor of_tokens = batch.logprobs - batch.old_logprobs;
  if (options.importance_sampling_level == "token") return of_tokens.exp();
  const at::Tensor mean = sequence_means(of_tokens.detach(), batch.sequence_ids, batch.lengths)
                              .index_select(0, batch.sequence_ids);
  return (mean + (batch.logprobs - batch.logprobs.detach())).exp();
}

struct Surrogate {
  at::Tensor terms;  // [T]
  at::Tensor clipped_low, clipped_high, dual_clipped;
};

/// Every token keeps its gradient: the clipped ratio is a constant weight.
Surrogate cispo(const PolicyBatch& batch, const at::Tensor& ratio, const at::Tensor& advantages,
                const PolicyLossOptions& options) {
  const double low = 1.0 - options.clip_low, high = 1.0 + options.clip_high;
  const at::Tensor has_term = advantages.ne(0);
  return {-ratio.detach().clamp(low, high) * advantages * batch.logprobs,
          ratio.lt(low).logical_and(has_term), ratio.gt(high).logical_and(has_term),
          at::zeros_like(has_term)};
}

Surrogate clipped(const at::Tensor& ratio, const at::Tensor& advantages,
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

/// The sums of a micro-batch, by their names.
class Statistics {
 public:
  explicit Statistics(const PolicyBatch& batch)
      : batch_(batch),
        zero_(at::zeros({}, batch.logprobs.options().dtype(at::kDouble).requires_grad(false))),
        sums_(static_cast<std::size_t>(PolicySum::Count), zero_) {}

  void set(PolicySum which, const at::Tensor& value) {
    sums_[static_cast<std::size_t>(which)] = value;
  }
  void set_sum(PolicySum which, const at::Tensor& values) { set(which, sum_of(values)); }
  void set_count(PolicySum which, std::int64_t value) {
    set(which, zero_ + static_cast<double>(value));
  }
  void add_policies();
  void add_entropy();
  at::Tensor sums() const { return at::stack(sums_).detach(); }
  const at::Tensor& zero() const { return zero_; }

 private:
  const PolicyBatch& batch_;
  at::Tensor zero_;
  std::vector<at::Tensor> sums_;
};

void Statistics::add_policies() {
  const at::Tensor logprobs = batch_.logprobs.detach();
  set_count(PolicySum::Tokens, logprobs.numel());
  set_sum(PolicySum::Sequences, batch_.lengths.gt(0));
  set_sum(PolicySum::KlOldNewK1, kl_estimate("k1", batch_.old_logprobs, logprobs));
  set_sum(PolicySum::KlOldNewK3, kl_estimate("k3", batch_.old_logprobs, logprobs));
  if (!batch_.reference_logprobs.defined()) return;
  set_sum(PolicySum::KlReferenceK1, kl_estimate("k1", logprobs, batch_.reference_logprobs));
  set_sum(PolicySum::KlReferenceK3, kl_estimate("k3", logprobs, batch_.reference_logprobs));
}

void Statistics::add_entropy() {
  if (!batch_.entropy.defined()) return;
  const at::Tensor entropy = batch_.entropy.detach();
  set_sum(PolicySum::Entropy, entropy);
  const at::Tensor kept = batch_.lengths.gt(0), ends = batch_.lengths.cumsum(0);
  const auto at_places = [&](const at::Tensor& places) {
    return entropy.index_select(0, places.masked_select(kept));
  };
  set_sum(PolicySum::FirstEntropy, at_places(ends - batch_.lengths));
  set_sum(PolicySum::LastEntropy, at_places(ends - 1));
}

}  // namespace

PolicyLoss policy_loss(const PolicyBatch& batch, const PolicyLossOptions& options,
                       const KlOptions& kl, const LossDenominators& denominators) {
  const at::Tensor ratio = importance_ratios(batch, options);
  const at::Tensor advantages = batch.advantages.to(ratio.scalar_type());
  const Surrogate terms = options.loss_mode == "cispo" ? cispo(batch, ratio, advantages, options)
                                                       : clipped(ratio, advantages, options);
  Statistics statistics(batch);
  at::Tensor total = terms.terms;
  if (options.rollout_correction.used()) {
    R1_CHECK(batch.sampled_logprobs.defined(), "a rollout correction needs sampled log-probs");
    const RolloutWeights rollout =
        rollout_weights(batch.old_logprobs, batch.sampled_logprobs, batch.sequence_ids,
                        batch.lengths, options.rollout_correction);
    total = total * rollout.weights;
    statistics.set_count(PolicySum::CorrectedTokens, batch.logprobs.numel());
    statistics.set_sum(PolicySum::RolloutWeight, rollout.weights);
    statistics.set_sum(PolicySum::RolloutTruncated, rollout.truncated);
    statistics.set_sum(PolicySum::RolloutMasked, rollout.masked);
  }
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
  statistics.add_policies();
  statistics.add_entropy();
  statistics.set_sum(PolicySum::ClippedLow, terms.clipped_low);
  statistics.set_sum(PolicySum::ClippedHigh, terms.clipped_high);
  statistics.set_sum(PolicySum::DualClipped, terms.dual_clipped);
  statistics.set_sum(PolicySum::Ratio, ratio);
  statistics.set_sum(PolicySum::Loss, loss);
  return {loss, statistics.sums(),
          ratio.numel() > 0 ? ratio.detach().to(at::kDouble).max() : statistics.zero()};
}

std::map<std::string, double> policy_metrics(const at::Tensor& sums) {
  const at::Tensor host = sums.to(at::kCPU);
  const auto sum = [&](PolicySum which) {
    return host[static_cast<std::int64_t>(which)].item<double>();
  };
  const double per_token = inverse(sum(PolicySum::Tokens));
  const double per_sequence = inverse(sum(PolicySum::Sequences));
  std::map<std::string, double> metrics{
      {"clip_fraction_low", sum(PolicySum::ClippedLow) * per_token},
      {"clip_fraction_high", sum(PolicySum::ClippedHigh) * per_token},
      {"clip_fraction_dual", sum(PolicySum::DualClipped) * per_token},
      {"ratio_mean", sum(PolicySum::Ratio) * per_token},
      {"kl_old_new", sum(PolicySum::KlOldNewK1) * per_token},
      {"kl_old_new_k3", sum(PolicySum::KlOldNewK3) * per_token},
      {"kl_token", sum(PolicySum::KlReferenceK1) * per_token},
      {"kl_token_k3", sum(PolicySum::KlReferenceK3) * per_token},
      {"entropy", sum(PolicySum::Entropy) * per_token},
      {"entropy_first_token", sum(PolicySum::FirstEntropy) * per_sequence},
      {"entropy_last_token", sum(PolicySum::LastEntropy) * per_sequence},
      {"policy_loss", sum(PolicySum::Loss)}};
  const double corrected = sum(PolicySum::CorrectedTokens);
  if (corrected == 0.0) return metrics;
  metrics["rollout_is_mean"] = sum(PolicySum::RolloutWeight) / corrected;
  metrics["rollout_is_truncated_share"] = sum(PolicySum::RolloutTruncated) / corrected;
  metrics["rollout_rs_masked_share"] = sum(PolicySum::RolloutMasked) / corrected;
  return metrics;
}

}  // namespace r1::algorithms
