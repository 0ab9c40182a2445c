// The consistency reward of RL 2: the mean of the applicable consistency checks of a completion.
#include <memory>

#include "rewards/reasoning.h"
#include "rewards/registry.h"

namespace r1::rewards {
namespace {

class Consistency : public Reward {
 public:
  explicit Consistency(const RewardOptions& options)
      : tags_(options.tags), quality_(options.quality) {}

  RewardParts score(const RewardInput& input) const override {
    const Facts facts = consistency_facts(input.completion, tags_, quality_);
    RewardParts out{{{"consistency", facts.mean()},
                     {"consistency.tags", facts.tags_in_order},
                     {"consistency.variety", facts.without_repetition}},
                    "",
                    false};
    if (facts.answer_applicable) out.parts.emplace_back("consistency.answer", facts.answer_agrees);
    if (facts.equations_applicable)
      out.parts.emplace_back("consistency.equations", facts.equations_true);
    return out;
  }

 private:
  TagOptions tags_;
  QualityOptions quality_;
};

}  // namespace

std::unique_ptr<Reward> make_consistency(const RewardOptions& options) {
  return std::make_unique<Consistency>(options);
}

}  // namespace r1::rewards
