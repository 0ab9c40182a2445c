#pragma once
// The configured reward of a run: a weighted sum of registered parts, computed by several threads
// or worker processes.
#include <memory>
#include <vector>

#include "data/types.h"
#include "rewards/part_scorer.h"
#include "rewards/score_budget.h"
#include "rewards/thread_pool.h"
#include "rewards/workers/worker_processes.h"

namespace r1::rewards {

/// Made once per run. Several threads may call score().
class CombinedReward {
 public:
  /// Throws: ConfigError if `options` fail their check().
  explicit CombinedReward(const RewardOptions& options);

  /// Starts the worker processes, if any are configured, and logs their protections. The first call
  /// of score() also starts them. Throws: ConfigError if the workers cannot be started.
  void start() const;
  /// The description that the workers reported at their start; empty without workers.
  std::string description() const;
  /// Returns one reward per input, in order, computed by PartScorer::score(). With worker
  /// processes, a sample that exceeds its time budget gets the reason timeout, and a sample that
  /// crashes three workers gets the reason limit. A sample that is not scored when `budget` ends
  /// scores 0 with the budget's reason; a worker at work on such a sample is ended, while a thread
  /// finishes its sample.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs,
                                  const ScoreBudget& budget = {}) const;
  data::Reward score_one(const RewardInput& input) const;

 private:
  void delay(const ScoreBudget& budget) const;

  RewardOptions options_;
  std::unique_ptr<PartScorer> scorer_;                 // used without worker processes
  mutable ThreadPool threads_;                         // use scorer_
  std::unique_ptr<workers::WorkerProcesses> workers_;  // used instead of scorer_ and threads_
};

}  // namespace r1::rewards
