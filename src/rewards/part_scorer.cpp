#include "rewards/part_scorer.h"

#include <algorithm>

#include "rewards/judged.h"

namespace r1::rewards {
namespace {

double group_weight(const RewardOptions& options, const std::string& name) {
  for (const GroupOptions& group : options.groups)
    if (group.name == name) return group.weight;
  return 1.0;
}

}  // namespace

PartScorer::PartScorer(const RewardOptions& options) : options_(options) {
  for (const PartOptions& part : options.parts) {
    const double weight = part.weight * group_weight(options, part.group);
    if (const RewardEntry* entry = find_reward(part.name); entry != nullptr)
      parts_.push_back({entry->make(options), entry->kind, weight});
    for (const ScoringModelOptions& model : options.models)
      if (model.name == part.name)
        parts_.push_back({make_judged(model, options.tags), RewardKind::Other, weight});
  }
}

data::Reward PartScorer::score(const RewardInput& input) const {
  data::Reward out;
  double quality = 0.0;
  bool wrong = false;
  for (const std::size_t index : applicable_parts(options_, input)) {
    const Part& part = parts_[index];
    const RewardParts scored = part.reward->score(input);
    if (scored.parts.empty()) continue;
    for (const auto& [name, value] : scored.parts) out.parts[name] = std::clamp(value, 0.0, 1.0);
    const double value = std::clamp(scored.parts.front().second, 0.0, 1.0);
    (part.kind == RewardKind::Quality ? quality : out.total) += part.weight * value;
    wrong |= part.kind == RewardKind::Correctness && value < 1.0;
    if (out.reason.empty()) out.reason = scored.reason;
    out.drop |= scored.drop;
  }
  out.total += wrong ? std::min(quality, options_.quality_cap_when_wrong) : quality;
  return out;
}

data::Reward unscored(const RewardOptions& options, const std::string& reason) {
  data::Reward reward;
  for (const PartOptions& part : options.parts) reward.parts[part.name] = 0.0;
  reward.reason = reason;
  return reward;
}

std::string PartScorer::description() const {
  std::string text;
  for (const Part& part : parts_)
    if (const std::string line = part.reward->description(); !line.empty())
      text += (text.empty() ? "" : "\n") + line;
  return text;
}

std::string PartScorer::warnings() const {
  std::string text;
  for (const Part& part : parts_)
    if (const std::string line = part.reward->warning(); !line.empty())
      text += (text.empty() ? "" : "\n") + line;
  return text;
}

}  // namespace r1::rewards
