#pragma once
// The configured reward of a run: a weighted sum of registered parts, scored by several threads or
// worker processes.
#include <memory>
#include <vector>

#include "data/types.h"
#include "rewards/part_scorer.h"
#include "rewards/thread_pool.h"
#include "rewards/workers/worker_processes.h"

namespace r1::rewards {

/// Built once per run; score() may be called from several threads.
class CombinedReward {
 public:
  /// Throws: ConfigError when `options` do not pass their check().
  explicit CombinedReward(const RewardOptions& options);

  /// Starts the worker processes, if any are configured, and logs what protects them; score() does
  /// so by itself at the first call. Throws: ConfigError when they cannot be started.
  void start() const;
  /// What the workers said when they started; empty without workers.
  std::string description() const;
  /// One reward per input, in order, each as PartScorer::score() gives it. With worker processes a
  /// sample that exceeds its budget has the reason timeout, one that ends three workers limit.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs) const;
  data::Reward score_one(const RewardInput& input) const;

 private:
  RewardOptions options_;
  std::unique_ptr<PartScorer> scorer_;                 // without worker processes
  mutable ThreadPool threads_;                         // share scorer_
  std::unique_ptr<workers::WorkerProcesses> workers_;  // instead of both
};

}  // namespace r1::rewards
