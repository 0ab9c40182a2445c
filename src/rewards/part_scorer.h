#pragma once
// The configured sum of reward parts for one sample, computed in the calling thread.
#include <memory>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/applicable_parts.h"
#include "rewards/registry.h"

namespace r1::rewards {

/// Thread-safe. CombinedReward (combine.h) decides whether threads or worker processes call it.
class PartScorer {
 public:
  /// `options` must have passed their check(). Throws: ConfigError if a part cannot work on this
  /// machine (code: no protection, or no interpreter).
  explicit PartScorer(const RewardOptions& options);

  /// Returns the parts that count for this input (applicable_parts.h) and their details in
  /// Reward::parts. `total` is the sum defined in options.h. `reason` is the reason of the first
  /// verifier; `drop` is set if any part sets it.
  data::Reward score(const RewardInput& input) const;
  /// The descriptions of the parts for the start of a run, one line each; may be empty.
  std::string description() const;
  std::string warnings() const;

 private:
  struct Part {
    std::unique_ptr<Reward> reward;
    RewardKind kind;
    double weight;  // multiplied by the weight of the group
  };

  RewardOptions options_;
  std::vector<Part> parts_;
};

/// The reward of a sample that could not be scored: 0 in all parts.
data::Reward unscored(const RewardOptions& options, const std::string& reason);

}  // namespace r1::rewards
