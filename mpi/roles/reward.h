#pragma once
// The reward role: rule rewards on worker processes or CPU threads of the reward ranks.
#include "rewards/combine.h"
#include "roles/rollouts.h"
#include "run.h"

namespace r1::mpi {

class RewardRole {
 public:
  /// Starts the reward ranks' worker processes. Collective over: world. Throws: ConfigError when
  /// they cannot be started.
  RewardRole(Run& run, const rewards::RewardOptions& options);

  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk);
  void collect(std::vector<RolloutChunk>& chunks);
  /// Scores on this very rank, whatever its roles (evaluation of a few answers).
  std::vector<data::Reward> score_here(std::span<const data::Rollout> rollouts) const;

 private:
  Run& run_;
  rewards::CombinedReward reward_;
  ScoreService<data::Reward> service_;
};

}  // namespace r1::mpi
