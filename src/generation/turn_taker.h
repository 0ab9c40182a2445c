#pragma once
// Who answers the model between its turns: a tool that the model calls, or an environment. An
// engine knows its TurnTaker alone; what the answers are made of is the turn taker's business.
//
// While a call is under way its sample holds neither slot nor blocks. The sample then continues
// from the keys and values that the cache still has of it.
#include <cstdint>
#include <vector>

#include "data/types.h"
#include "generation/balancer.h"

namespace r1::generation {

enum class TurnEnd {
  No,        // the turn goes on, or ended without a question
  Answered,  // ask() follows
  Last       // the sample ends here
};

/// The tokens that follow a turn. `answer`: without its place among the tokens, which the engine
/// sets. `done`: the sample ends here, and the tokens are left out.
struct TurnAnswer {
  std::vector<data::TokenId> token_ids;
  data::ToolAnswer answer;
  bool done = false;
};

class TurnTaker {
 public:
  virtual ~TurnTaker() = default;
  /// Decode steps from the end of a turn to the moment at which its answer is waited for. The
  /// number is fixed, so that what is in a batch does not depend on how long an answer takes.
  virtual std::int64_t wait_steps() const = 0;
  /// What the newest token of a completion means; `ended`: it is an end token or ends a stop text.
  virtual TurnEnd turn_end(const data::Completion& completion, bool ended) const = 0;
  /// Begins to answer, without waiting. Calls come in the same order on all ranks of the engine.
  virtual void ask(const SampleOrigin& origin, const data::Completion& completion, bool ended) = 0;
  /// The answer to the oldest call that was not answered yet. Waits for it. Collective over: the
  /// ranks of the engine.
  virtual TurnAnswer next_answer() = 0;
  /// Called between decode steps: calls that are under way are looked after.
  virtual void progress() = 0;
};

}  // namespace r1::generation
