#include "rewards/combine.h"

#include <algorithm>
#include <chrono>
#include <thread>

namespace r1::rewards {
namespace {

double group_weight(const RewardOptions& options, const std::string& name) {
  for (const GroupOptions& group : options.groups)
    if (group.name == name) return group.weight;
  return 1.0;
}

}  // namespace

CombinedReward::CombinedReward(const RewardOptions& options)
    : options_(options),
      workers_(static_cast<int>(std::min<std::int64_t>(options.num_workers, 1024))) {
  base::Problems problems;
  options.check("rewards", problems);
  std::string text;
  for (const base::Problem& p : problems.list())
    text += fmt::format("\n  {}: {}", p.key, p.message);
  if (!problems.empty()) throw base::ConfigError("the rewards cannot be built:" + text);
  for (const PartOptions& part : options.parts) {
    const RewardEntry* entry = find_reward(part.name);
    parts_.push_back(
        {entry->make(options), entry->kind, part.weight * group_weight(options, part.group)});
  }
}

data::Reward CombinedReward::score_one(const RewardInput& given) const {
  RewardInput input = given;
  input.completion = options_.tags.forced_opening + given.completion;
  data::Reward out;
  double quality = 0.0;
  bool wrong = false;
  for (const Part& part : parts_) {
    const RewardParts scored = part.reward->score(input);
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

std::vector<data::Reward> CombinedReward::score(const std::vector<RewardInput>& inputs) const {
  if (options_.delay_ms > 0)
    std::this_thread::sleep_for(std::chrono::milliseconds(options_.delay_ms));
  std::vector<data::Reward> rewards(inputs.size());
  workers_.run(inputs.size(), [&](std::size_t i) { rewards[i] = score_one(inputs[i]); });
  return rewards;
}

}  // namespace r1::rewards
