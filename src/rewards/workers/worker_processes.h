#pragma once
// The worker processes of one CombinedReward: gives each its next sample, watches its time,
// replaces it when it dies.
#include <mutex>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/options.h"
#include "rewards/reward.h"

namespace r1::rewards::workers {

class WorkerProcesses {
 public:
  /// Nothing is started yet: ranks that never score need no workers.
  explicit WorkerProcesses(const RewardOptions& options);
  ~WorkerProcesses();

  /// Starts `options.workers` processes, waits until all are ready and logs what they say.
  /// Throws: ConfigError when there is no spawner or executable, or a part refuses to work.
  void start();
  /// What they said of their protections and tools; empty before the start.
  const std::string& description() const { return description_; }
  /// One reward per input, in order; callers take turns. A sample that takes longer than
  /// options.sample_budget() has its worker killed and scores 0 with the reason timeout; one whose
  /// worker dies is given to another (somebody may have killed it); at the third death it scores 0
  /// with the reason limit.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs);

 private:
  struct Worker;
  class Loop;

  Worker start_worker();
  void announce(const std::string& description, const std::string& warnings);
  data::Reward failed(const std::string& reason) const;

  RewardOptions options_;
  std::mutex mutex_;
  std::vector<Worker> workers_;
  bool announced_ = false;
  std::string description_;
};

}  // namespace r1::rewards::workers
