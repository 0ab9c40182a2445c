#pragma once
// The interface of a reward: maps a question and a completion to named parts in [0, 1].
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "data/types.h"

namespace r1::rewards {

/// The input of a reward. `completion` is the whole answer (data::whole_answer): the text that the
/// prompt opened for the model ("<think>") and the model's text, without the rest of the prompt and
/// without what tools answered.
struct RewardInput {
  std::string problem;
  std::string answer;      // reference answer
  std::string completion;  // decoded, special tokens removed
  std::string domain;
  std::string record;      // the prompt's JSON record
  bool truncated = false;  // stopped by the length limit
  std::int64_t num_tokens = 0;
  std::int64_t max_tokens = 0;
  /// By the name of the part: the raw score of a reward model, the safety of a toxicity classifier.
  /// The role that holds the models sets these scores before the parts are scored.
  std::map<std::string, double> model_scores;
  /// The parts that count; empty: all ([[rl.changes]]).
  std::vector<std::string> counted_parts{};
  /// JSON of the turns that a tool or an environment answered: [{"call", "answer", "status"}].
  std::string turns = "[]";
};

/// Named parts, each in [0, 1]. Without parts, the reward does not count for this input. `reason`:
/// as in data::Reward.
struct RewardParts {
  std::vector<std::pair<std::string, double>> parts;
  std::string reason;
  bool drop = false;
};

/// A reward. Thread-safe: several threads call score().
class Reward {
 public:
  virtual ~Reward() = default;
  virtual RewardParts score(const RewardInput& input) const = 0;
  /// A line for the log at the start of a run; may be empty.
  virtual std::string description() const { return {}; }
  /// A warning for the log at the start of a run, one line; may be empty.
  virtual std::string warning() const { return {}; }
};

}  // namespace r1::rewards
