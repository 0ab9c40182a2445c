#include "algorithms/preference_loss.h"

#include <ATen/ATen.h>

#include "algorithms/loss.h"

namespace r1::algorithms {

PreferenceLoss preference_loss(const at::Tensor& chosen, const at::Tensor& rejected,
                               const PreferenceLossOptions& options, double num_pairs) {
  const at::Tensor margin = chosen - rejected;
  at::Tensor terms = at::log_sigmoid(margin) * -(1.0 - options.label_smoothing);
  if (options.label_smoothing > 0.0)
    terms = terms - at::log_sigmoid(-margin) * options.label_smoothing;
  if (options.center_rewards_coefficient > 0.0)
    terms = terms + (chosen + rejected).square() * options.center_rewards_coefficient;
  const at::Tensor loss = terms.sum() * inverse(num_pairs);
  const auto sum_of = [](const at::Tensor& values) {
    return values.detach().to(at::kDouble).sum();
  };
  const at::Tensor pairs =
      at::full({}, static_cast<double>(chosen.numel()), sum_of(terms).options());
  return {loss, at::stack({pairs, sum_of(margin.gt(0)), sum_of(chosen), sum_of(rejected),
                           sum_of(terms)})};
}

std::map<std::string, double> preference_metrics(const at::Tensor& sums) {
  const at::Tensor host = sums.to(at::kCPU);
  const auto sum = [&](PreferenceSum which) {
    return host[static_cast<std::int64_t>(which)].item<double>();
  };
  const double pairs = sum(PreferenceSum::Pairs);
  if (pairs == 0.0) return {};
  const double chosen = sum(PreferenceSum::ChosenReward) / pairs;
  const double rejected = sum(PreferenceSum::RejectedReward) / pairs;
  return {{"loss", sum(PreferenceSum::Loss) / pairs},
          {"preference_accuracy", sum(PreferenceSum::Right) / pairs},
          {"chosen_reward", chosen},
          {"rejected_reward", rejected},
          {"reward_margin", chosen - rejected}};
}

}  // namespace r1::algorithms
