#pragma once
// The worker processes of one CombinedReward: gives each worker its next sample, enforces time
// limits, and replaces dead workers.
#include <mutex>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/options.h"
#include "rewards/reward.h"
#include "rewards/score_budget.h"

namespace r1::rewards::workers {

class WorkerProcesses {
 public:
  /// Starts nothing: ranks that never score need no workers.
  explicit WorkerProcesses(const RewardOptions& options);
  ~WorkerProcesses();

  /// Starts `options.workers` processes, waits until all workers are ready, and logs their
  /// descriptions. Throws: ConfigError if there is no spawner or executable, or if a part cannot
  /// work.
  void start();
  /// The protections and tools that the workers reported; empty before start().
  const std::string& description() const { return description_; }
  /// Returns one reward per input, in order; concurrent callers take turns. If a sample exceeds
  /// options.sample_budget(), its worker is killed and the sample scores 0 with the reason timeout.
  /// If the worker of a sample dies, another worker gets the sample, because another process may
  /// have killed the worker; after the third death the sample scores 0 with the reason limit. When
  /// `budget` ends, the workers that are at work are killed, and the samples that are left score 0
  /// with the budget's reason.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs,
                                  const ScoreBudget& budget);

 private:
  struct Worker;
  class Loop;

  Worker start_worker();
  void announce(const std::string& description, const std::string& warnings);

  RewardOptions options_;
  std::mutex mutex_;
  std::vector<Worker> workers_;
  bool announced_ = false;
  std::string description_;
};

}  // namespace r1::rewards::workers
