// The guide's quality reward of RL 1: thinking tags, steps, consistency.
#include <algorithm>
#include <memory>

#include "rewards/reasoning.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

/// 0.3 [both thinking tags] + min(steps / 5, 0.4) + 0.3 consistency. The guide's minimum caps the
/// step term at 0.4, which two steps reach.
class ReasoningQuality : public Reward {
 public:
  explicit ReasoningQuality(const RewardOptions& options)
      : tags_(options.tags), quality_(options.quality) {}

  RewardParts score(const RewardInput& input) const override {
    const Sections sections = split_sections(input.completion, tags_);
    const double steps = static_cast<double>(reasoning_steps(sections.thinking, quality_).size());
    const double consistency = consistency_facts(input.completion, tags_, quality_).mean();
    const double tags = sections.both_think_tags ? 0.3 : 0.0;
    const double step_term = std::min(steps / 5.0, 0.4);
    const double total = std::min(tags + step_term + 0.3 * consistency, 1.0);
    return {{{"reasoning_quality", total},
             {"reasoning_quality.tags", sections.both_think_tags ? 1.0 : 0.0},
             {"reasoning_quality.steps", step_term / 0.4},
             {"reasoning_quality.consistency", consistency}},
            "",
            false};
  }

 private:
  TagOptions tags_;
  QualityOptions quality_;
};

}  // namespace

std::unique_ptr<Reward> make_reasoning_quality(const RewardOptions& options) {
  return std::make_unique<ReasoningQuality>(options);
}

}  // namespace r1::rewards
