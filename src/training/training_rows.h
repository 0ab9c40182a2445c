#pragma once
// The rollouts of a step as rows of the loss, and the advantages of the rollouts' tokens.
#include <algorithm>
#include <span>
#include <vector>

#include "algorithms/kl.h"
#include "algorithms/options.h"
#include "config/rl_options.h"
#include "data/packing.h"
#include "data/types.h"
#include "parallel/communicator.h"

namespace r1::training {

/// One rollout as a row of the loss. Lists have one entry per sampled token; the tokens of tools'
/// answers have none.
struct TrainingRow {
  std::int64_t sample = 0;  // global sample number
  data::TrainingSample tokens;
  std::vector<double> sampled_logprobs;  // log-probabilities of the generator
  // Log-probabilities under the weights that sampled; empty: the trainer's first pass computes
  // them.
  std::vector<double> old_logprobs;
  std::vector<double> reference_logprobs;  // empty without a reference
  std::vector<double> advantages;
  std::vector<double> returns, old_values;  // PPO
  bool in_loss = true;                      // false: only counted as a row

  /// Whether some token of the row has an advantage other than 0.
  bool has_advantage() const {
    return std::any_of(advantages.begin(), advantages.end(), [](double a) { return a != 0.0; });
  }
};

/// With rl.overlong = "penalty", subtracts rl.overlong_penalty from the reward of each truncated
/// rollout. Called once when the rollouts are scored, so that dynamic sampling, advantages, metrics
/// and recorded samples use the same reward.
void punish_overlong(std::span<data::Rollout> rollouts, const config::RlOptions& rl);

/// Makes one row per rollout, in the order of the rollouts.
std::vector<TrainingRow> make_training_rows(std::span<const data::Rollout> rollouts,
                                            const config::RlOptions& rl);

/// The number of groups of a rank's rollouts, and the number of groups whose rewards are all equal.
struct GroupCounts {
  double number = 0.0;
  double num_zero = 0.0;
};

/// Sets advantages as in GRPO and related methods: a sample's reward is compared with the rewards
/// of the sample's group, and all tokens of a sample get the same advantage. Collective over:
/// `data`, the replicas; each replica holds whole groups.
GroupCounts set_group_advantages(std::vector<TrainingRow>& rows,
                                 std::span<const data::Rollout> rollouts,
                                 const algorithms::AdvantageOptions& options,
                                 parallel::Communicator& data);

/// Whether the rewards of tokens include a KL term, so that advantages need the rows' old
/// log-probabilities.
inline bool has_kl_rewards(const algorithms::AdvantageOptions& advantage,
                           const algorithms::KlOptions& kl) {
  return advantage.has_token_rewards() && kl.in_reward() && kl.coefficient > 0.0;
}

/// Sets the advantages of methods with a reward per token, which includes the KL term, and reports
/// the step's mean KL to `controller`. gae: generalised advantage estimation, with returns for the
/// value head; the rows must have values. reinforce_plus_plus: discounted sums of the later
/// rewards, whitened over the step's tokens (arXiv 2501.03262, section 3). With a KL term the rows
/// must have old log-probabilities. The counts are of groups that have more than one sample.
/// Collective over: `data`.
GroupCounts set_token_advantages(std::vector<TrainingRow>& rows,
                                 std::span<const data::Rollout> rollouts,
                                 const algorithms::AdvantageOptions& options,
                                 const algorithms::KlOptions& kl,
                                 algorithms::KlController& controller,
                                 parallel::Communicator& data);

}  // namespace r1::training
