// The countdown reward: puzzles/countdown.h with the options of a run.
#include "rewards/puzzles/countdown.h"

#include <memory>

#include "rewards/puzzles/answer.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

class Countdown : public Reward {
 public:
  explicit Countdown(const RewardOptions& options)
      : options_(options.countdown), tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    puzzles::CountdownPuzzle puzzle;
    if (!puzzles::read_countdown(puzzles::read_puzzle(input.record, input.answer), puzzle))
      return result(0.0, "unparsable_gold");
    const std::string text = puzzles::answer_of(input.completion, tags_, input.answer);
    if (text.empty()) return result(0.0, "no_answer");
    const auto played = puzzles::play_countdown(text, puzzle, options_.use_all);
    if (!played.readable) return result(0.0, "unparsable_answer");
    if (played.hit) return result(1.0, "ok");
    return result(played.legal ? options_.valid_expression : 0.0, "wrong");
  }

 private:
  static RewardParts result(double value, const std::string& reason) {
    return {{{"countdown", value}}, reason, reason == "unparsable_gold"};
  }

  CountdownOptions options_;
  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_countdown(const RewardOptions& options) {
  return std::make_unique<Countdown>(options);
}

}  // namespace r1::rewards
