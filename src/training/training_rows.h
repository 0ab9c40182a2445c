#pragma once
// The rollouts of a step as rows of the loss, and the advantages of their tokens.
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

/// A rollout on its way into the loss. Lists are per completion token.
struct TrainingRow {
  std::int64_t sample = 0;  // global number
  data::TrainingSample tokens;
  std::vector<double> sampled_logprobs;  // the generator's
  // Log-probabilities under the weights that sampled; empty: the trainer's first pass computes
  // them.
  std::vector<double> old_logprobs;
  std::vector<double> reference_logprobs;  // empty: no reference
  std::vector<double> advantages;
  std::vector<double> returns, old_values;  // PPO
  bool in_loss = true;                      // false: counted as a row, none of its tokens

  /// Whether the row teaches anything: the advantage of some token is not zero.
  bool has_advantage() const {
    return std::any_of(advantages.begin(), advantages.end(), [](double a) { return a != 0.0; });
  }
};

/// With rl.overlong = "penalty": takes rl.overlong_penalty off the reward of each truncated
/// rollout. Called once, when the rollouts are scored, so that dynamic sampling, advantages,
/// metrics and recorded samples read one number.
void punish_overlong(std::span<data::Rollout> rollouts, const config::RlOptions& rl);

/// A row for each rollout, in their order.
std::vector<TrainingRow> make_training_rows(std::span<const data::Rollout> rollouts,
                                            const config::RlOptions& rl);

/// Groups of a rank's rollouts, and those whose rewards are all equal.
struct GroupCounts {
  double number = 0.0;
  double num_zero = 0.0;
};

/// GRPO and its relatives: a sample's reward against its group's, the same for all its tokens.
/// Collective over: `data`, the replicas, which hold whole groups.
GroupCounts set_group_advantages(std::vector<TrainingRow>& rows,
                                 std::span<const data::Rollout> rollouts,
                                 const algorithms::AdvantageOptions& options,
                                 parallel::Communicator& data);

/// PPO: advantages and returns by GAE over rewards with the KL term; `controller` learns the step's
/// mean KL. The rows have old log-probabilities and values. Collective over: `data`.
void set_value_advantages(std::vector<TrainingRow>& rows, std::span<const data::Rollout> rollouts,
                          const algorithms::AdvantageOptions& options,
                          const algorithms::KlOptions& kl, algorithms::KlController& controller,
                          parallel::Communicator& data);

}  // namespace r1::training
