#pragma once
// The interface of a reward: a completion and its question in, named parts in [0, 1] out.
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/types.h"

namespace r1::rewards {

/// What a reward may look at. `completion` is the whole answer (data::whole_answer): the model's
/// text behind what the prompt opened for it ("<think>"), of the prompt nothing else.
struct RewardInput {
  std::string problem;
  std::string answer;      // gold
  std::string completion;  // decoded, special tokens removed
  std::string domain;
  std::string record;      // the prompt's JSON record
  bool truncated = false;  // stopped by the length limit
  std::int64_t num_tokens = 0;
  std::int64_t max_tokens = 0;
  /// By the part's name: the raw score of a reward model, the safety of a toxicity classifier.
  /// Filled by who holds the models, before the parts are scored.
  std::map<std::string, double> model_scores;
  /// The parts that count; empty: all ([[rl.changes]]).
  std::vector<std::string> counted_parts{};
};

/// Named parts, each in [0, 1]; none: the reward does not count for this input. `reason` as in
/// data::Reward.
struct RewardParts {
  std::vector<std::pair<std::string, double>> parts;
  std::string reason;
  bool drop = false;
};

/// A reward. Thread-safe: score() is called from several threads.
class Reward {
 public:
  virtual ~Reward() = default;
  virtual RewardParts score(const RewardInput& input) const = 0;
  /// What a user should know at the start of a run, one line; empty: nothing.
  virtual std::string description() const { return {}; }
  /// What a user should be warned of, one line; empty: nothing.
  virtual std::string warning() const { return {}; }
};

}  // namespace r1::rewards
