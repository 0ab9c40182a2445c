// The guide's response quality of RL 2: tags, steps, notation, a conclusion, logical flow.
#include <algorithm>
#include <memory>

#include "data/text.h"
#include "rewards/reasoning.h"
#include "rewards/registry.h"
#include "rewards/sections.h"

namespace r1::rewards {
namespace {

/// 0.2 [both tags] + min(steps / 10, 0.3) + 0.2 [an operator] + 0.1 [a conclusion] + 0.2 flow.
class ResponseQuality : public Reward {
 public:
  explicit ResponseQuality(const RewardOptions& options)
      : tags_(options.tags), quality_(options.quality) {}

  RewardParts score(const RewardInput& input) const override {
    const std::string& text = input.completion;
    const Sections sections = split_sections(text, tags_);
    const auto steps = reasoning_steps(sections.thinking, quality_);
    const double tags = sections.both_think_tags ? 1.0 : 0.0;
    const double step_term = std::min(static_cast<double>(steps.size()) / 10.0, 0.3);
    const double notation = uses_operators(text, quality_) ? 1.0 : 0.0;
    const double conclusion = concludes(text) ? 1.0 : 0.0;
    const double flow = logical_flow(steps, input.problem);
    const double total = 0.2 * tags + step_term + 0.2 * notation + 0.1 * conclusion + 0.2 * flow;
    return {{{"response_quality", std::min(total, 1.0)},
             {"response_quality.tags", tags},
             {"response_quality.steps", step_term / 0.3},
             {"response_quality.notation", notation},
             {"response_quality.conclusion", conclusion},
             {"response_quality.flow", flow}},
            "",
            false};
  }

 private:
  bool concludes(const std::string& text) const {
    const std::string lower = data::lower_ascii(text);
    return std::any_of(
        quality_.conclusions.begin(), quality_.conclusions.end(), [&](const std::string& phrase) {
          return !phrase.empty() && lower.find(data::lower_ascii(phrase)) != std::string::npos;
        });
  }

  TagOptions tags_;
  QualityOptions quality_;
};

}  // namespace

std::unique_ptr<Reward> make_response_quality(const RewardOptions& options) {
  return std::make_unique<ResponseQuality>(options);
}

}  // namespace r1::rewards
