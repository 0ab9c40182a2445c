#pragma once
// The configured reward of a run: a weighted sum of registered parts, scored by several threads.
#include <memory>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/registry.h"
#include "rewards/worker_pool.h"

namespace r1::rewards {

/// Built once per run; score() may be called from several threads.
class CombinedReward {
 public:
  /// Throws: ConfigError when `options` do not pass their check().
  explicit CombinedReward(const RewardOptions& options);

  /// One reward per input, in order. `completion` is the model's text alone; the configured forced
  /// opening is put in front of it here. All parts and their details are in Reward::parts; `total`
  /// is the sum described in options.h. `reason` is the first verifier's; `drop` if any part says
  /// so.
  std::vector<data::Reward> score(const std::vector<RewardInput>& inputs) const;
  data::Reward score_one(const RewardInput& input) const;

 private:
  struct Part {
    std::unique_ptr<Reward> reward;
    RewardKind kind;
    double weight;  // times its group's
  };

  RewardOptions options_;
  std::vector<Part> parts_;
  mutable WorkerPool workers_;
};

}  // namespace r1::rewards
