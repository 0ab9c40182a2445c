#pragma once
// The Bradley-Terry loss on pairs of rewards: DPO and reward models.
//
// With m = r(chosen) - r(rejected) of a pair, its term is
//   -(1 - label_smoothing) log sigmoid(m) - label_smoothing log sigmoid(-m)
//   + center_rewards_coefficient (r(chosen) + r(rejected))^2.
// DPO has r = beta (log p - log p_ref) of the whole answer; a reward model has r = its score.
// Reference: Bradley and Terry (1952); Ouyang et al., arXiv 2203.02155, equation 1 (reward models);
// Rafailov et al., arXiv 2305.18290, equation 7 (DPO); Eisenstein et al., arXiv 2312.09244,
// equation 2 (centred rewards); TRL for label_smoothing.
#include <ATen/core/Tensor.h>

#include <map>
#include <string>

#include "algorithms/options.h"

namespace r1::algorithms {

/// Indices of PreferenceLoss::sums: sums over pairs.
enum class PreferenceSum { Pairs, Right, ChosenReward, RejectedReward, Loss, Count };

struct PreferenceLoss {
  at::Tensor loss;  // this micro-batch's part of the mean over the step's pairs, scalar
  at::Tensor sums;  // fp64 [PreferenceSum::Count] on the loss's device, no gradient
};

/// chosen, rejected: the rewards of P pairs, [P]. num_pairs: pairs of the step, over all ranks.
PreferenceLoss preference_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                               const PreferenceLossOptions& options, double num_pairs);

/// Metrics from the summed sums: loss, preference_accuracy (share of pairs whose chosen answer has
/// the larger reward), chosen_reward, rejected_reward, reward_margin. Empty without pairs.
std::map<std::string, double> preference_metrics(const at::Tensor& sums);

}  // namespace r1::algorithms
