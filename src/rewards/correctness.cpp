// The correctness reward: the maths verifier's verdict, optionally with partial credit.
#include <memory>

#include "rewards/maths/verify.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

class Correctness : public Reward {
 public:
  explicit Correctness(const RewardOptions& options)
      : partial_credit_(options.correctness.partial_credit), tags_(options.tags) {}

  RewardParts score(const RewardInput& input) const override {
    const std::string text = readable(input.completion);
    const maths::Verdict verdict = maths::verify(input.answer, text);
    double value = verdict.score;
    if (partial_credit_ && verdict.answer == maths::Answer::Different)
      value = maths::partial_score(input.answer, text);
    return {{{"correctness", value}, {"correctness.right", verdict.score}},
            verdict.reason,
            verdict.reason == "unparsable_gold"};
  }

 private:
  /// The text with configured tag names replaced by those the extraction rules know.
  std::string readable(const std::string& completion) const {
    const Sections sections = split_sections(completion, tags_);
    std::string content;
    if (!tags_.answer.empty() && last_answer_block(sections.rest, tags_.answer, content))
      return "<answer>" + content + "</answer>";
    if (!sections.both_think_tags && !sections.thinking.empty()) return "<think>";
    return sections.rest;
  }

  bool partial_credit_;
  TagOptions tags_;
};

}  // namespace

std::unique_ptr<Reward> make_correctness(const RewardOptions& options) {
  return std::make_unique<Correctness>(options);
}

}  // namespace r1::rewards
