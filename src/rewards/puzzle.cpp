// The puzzle reward: selects the scorer of a record. A record with tests of a program is scored by
// the code reward; other records by the scorer that the record names, by the scorer of their
// reasoning-gym task, or by the maths verifier, in this order.
#include <algorithm>
#include <memory>

#include "rewards/code_tests.h"
#include "rewards/puzzles/answer.h"
#include "rewards/puzzles/scorer.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

class PuzzleReward : public Reward {
 public:
  explicit PuzzleReward(const RewardOptions& options)
      : options_(options.puzzle),
        tags_(options.tags),
        maths_(make_correctness(options)),
        code_(options.puzzle.programs ? make_code(options) : nullptr) {}

  std::string description() const override { return code_ ? code_->description() : ""; }
  std::string warning() const override { return code_ ? code_->warning() : ""; }

  RewardParts score(const RewardInput& input) const override {
    if (code_ && has_code_tests(input.record)) return by(*code_, input);
    auto puzzle = puzzles::read_puzzle(input.record, input.answer);
    if (puzzle.scorer.empty() && puzzle.task.empty()) puzzle.scorer = options_.scorer;
    if (puzzle.scorer.empty() && puzzle.task.empty()) return by(*maths_, input);
    const auto scorer = puzzles::find_scorer(puzzle.scorer);
    if (scorer == nullptr) return result(0.0, "unparsable_gold");
    const std::string answer = puzzles::answer_of(input.completion, tags_, input.answer);
    if (answer.empty()) return result(0.0, "no_answer");
    switch (scorer(answer, puzzle)) {
      case puzzles::Verdict::Right:
        return result(1.0, "ok");
      case puzzles::Verdict::NoGold:
        return result(0.0, "unparsable_gold");
      case puzzles::Verdict::Unreadable:
        return result(substring(answer, input.answer), "unparsable_answer");
      case puzzles::Verdict::Wrong:
        break;
    }
    return result(substring(answer, input.answer), "wrong");
  }

 private:
  static RewardParts by(const Reward& reward, const RewardInput& input) {
    const RewardParts scored = reward.score(input);
    return {{{"puzzle", scored.parts.front().second}}, scored.reason, scored.drop};
  }

  static RewardParts result(double value, const std::string& reason) {
    return {{{"puzzle", value}}, reason, reason == "unparsable_gold"};
  }

  /// reasoning-gym's credit for an answer with other text around it, kept below a right one.
  double substring(const std::string& answer, const std::string& gold) const {
    if (!options_.substring_credit || gold.empty() || answer.find(gold) == std::string::npos)
      return 0.0;
    constexpr double kMost = 0.49;
    return std::min(kMost, static_cast<double>(gold.size()) / static_cast<double>(answer.size()));
  }

  PuzzleOptions options_;
  TagOptions tags_;
  std::unique_ptr<Reward> maths_;
  std::unique_ptr<Reward> code_;  // none: programs are not run
};

}  // namespace

std::unique_ptr<Reward> make_puzzle(const RewardOptions& options) {
  return std::make_unique<PuzzleReward>(options);
}

}  // namespace r1::rewards
