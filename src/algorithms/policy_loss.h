#pragma once
// The policy loss of PPO, GRPO and their kin: one function, whose options select the method.
//
// l_t = -w_t min(r A, clip(r, 1 - clip_low, 1 + clip_high) A) [dual clip: at most -c A where A < 0]
//       + kl.coefficient k(logp, ref) - entropy_coef entropy,  r = exp(logp - logp_old).
// importance_sampling_level = "sequence" replaces log r by its mean over the sequence, with the
// gradient of the token alone. For advantages that are constant over a sequence this is GSPO, and
// for others it is GSPO-token. loss_mode = "cispo" replaces the first term by -w_t clip(r) A logp,
// where clip(r) has no gradient. w_t is the weight of rollout_correction.h, else 1.
// Reference: PPO arXiv 1707.06347 eq. 7; GRPO arXiv 2402.03300 eq. 3; DAPO arXiv 2503.14476
// (clip_high, token mean); Dr.GRPO arXiv 2503.20783 (constant); dual clip arXiv 1912.09729 eq. 5;
// GSPO arXiv 2507.18071 eq. 5 to 7 and 13 to 15; CISPO arXiv 2506.13585 eq. 4 and 5.
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "algorithms/loss.h"
#include "algorithms/options.h"

namespace r1::algorithms {

/// One micro-batch, flat [T] (loss.h). Only logprobs and entropy have gradients.
struct PolicyBatch {
  at::Tensor logprobs;
  at::Tensor old_logprobs;
  at::Tensor advantages;          // [T]; in GRPO constant over a sample
  at::Tensor reference_logprobs;  // undefined without a reference
  at::Tensor entropy;             // undefined: no entropy bonus and no entropy metric
  at::Tensor sequence_ids;        // int64 [T]
  at::Tensor lengths;             // int64 [S]
  at::Tensor sampled_logprobs{};  // of the generator; read by the rollout correction alone
};

/// Indices of PolicyLoss::sums: sums over tokens, or over the first or last tokens of sequences.
/// The metrics are computed after the sums are added over micro-batches and ranks.
enum class PolicySum {
  Tokens,
  Sequences,  // that have tokens
  ClippedLow,
  ClippedHigh,
  DualClipped,
  Ratio,
  KlOldNewK1,
  KlOldNewK3,
  KlReferenceK1,
  KlReferenceK3,
  Entropy,
  FirstEntropy,
  LastEntropy,
  CorrectedTokens,  // that have a weight of the rollout correction
  RolloutWeight,
  RolloutTruncated,
  RolloutMasked,
  Loss,
  Count
};

struct PolicyLoss {
  at::Tensor loss;           // this micro-batch's part of the step's loss, scalar
  at::Tensor sums;           // fp64 [PolicySum::Count] on the loss's device, no gradient
  at::Tensor largest_ratio;  // fp64 scalar on the loss's device; 0 without tokens
};

/// kl.coefficient applies if kl.place is "loss"; the batch then needs reference_logprobs. Weights
/// of the rollout correction do not apply to the KL and entropy terms.
PolicyLoss policy_loss(const PolicyBatch& batch, const PolicyLossOptions& options,
                       const KlOptions& kl, const LossDenominators& denominators);

/// Metrics of a step from its summed sums: clip_fraction_low, clip_fraction_high,
/// clip_fraction_dual, ratio_mean, kl_old_new (k1), kl_old_new_k3, kl_token (k1 against the
/// reference), kl_token_k3, entropy, entropy_first_token, entropy_last_token, policy_loss (sum of
/// the losses of the micro-batches); with a rollout correction rollout_is_mean (mean weight),
/// rollout_is_truncated_share, rollout_rs_masked_share.
std::map<std::string, double> policy_metrics(const at::Tensor& sums);

}  // namespace r1::algorithms
