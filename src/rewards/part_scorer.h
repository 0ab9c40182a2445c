#pragma once
// The configured sum of reward parts for one sample, in this process and thread.
#include <memory>
#include <string>
#include <vector>

#include "data/types.h"
#include "rewards/applicable_parts.h"
#include "rewards/registry.h"

namespace r1::rewards {

/// Thread-safe. Where it runs (threads of this process, worker processes) is decided in combine.h.
class PartScorer {
 public:
  /// `options` have passed their check(). Throws: ConfigError when a part cannot work here (code:
  /// no protection, no interpreter).
  explicit PartScorer(const RewardOptions& options);

  /// The parts that count for this input (applicable_parts.h) and their details are in
  /// Reward::parts; `total` is the sum described in options.h.
  /// `reason` is the first verifier's; `drop` if any part says so.
  data::Reward score(const RewardInput& input) const;
  /// What the parts say about themselves at the start of a run, a line each; empty: nothing.
  std::string description() const;
  std::string warnings() const;

 private:
  struct Part {
    std::unique_ptr<Reward> reward;
    RewardKind kind;
    double weight;  // times its group's
  };

  RewardOptions options_;
  std::vector<Part> parts_;
};

}  // namespace r1::rewards
