#pragma once
// The worker processes of one CombinedReward.
#include <mutex>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/options.h"
#include "rewards/reward.h"
#include "rewards/score_budget.h"
#include "rewards/workers/worker_pool.h"

namespace r1::rewards::workers {

class WorkerProcesses {
 public:
  /// Starts nothing: ranks that never score need no workers.
  explicit WorkerProcesses(const RewardOptions& options);

  /// WorkerPool::start: `options.workers` processes. Throws: ConfigError, also if a part cannot
  /// work.
  void start();
  /// The protections and tools that the workers reported; empty before start().
  const std::string& description() const { return pool_.description(); }
  /// Returns one reward per input, in order; concurrent callers take turns. If a sample exceeds
  /// options.sample_budget() or ends several workers (WorkerPool::serve), the sample scores 0 with
  /// the reason timeout or limit. When `budget` ends, the workers that are at work are killed, and
  /// the samples that are left score 0 with the budget's reason.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs,
                                  const ScoreBudget& budget);

 private:
  RewardOptions options_;
  std::mutex mutex_;
  WorkerPool pool_;
};

}  // namespace r1::rewards::workers
