#include "stages/dynamic_sampling.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace r1::mpi {

DynamicSampling::DynamicSampling(const Run& run, const PromptSource& prompts)
    : run_(run), prompts_(prompts) {}

void DynamicSampling::persist(RunLoop& loop) {
  if (!run_.config().rl.resample_zero_advantage) return;
  loop.persist("prompts", {[] { return std::vector<checkpoint::ShardedTensor>(); },
                           [this] {
                             return nlohmann::json{{"next_place", next_place_}}.dump();
                           },
                           [this](const std::string& state) {
                             next_place_ = nlohmann::json::parse(state).at("next_place");
                           }});
}

std::vector<data::Prompt> DynamicSampling::next(std::int64_t count, std::int64_t first_index) {
  next_place_ += count;
  return prompts_.places(next_place_ - count, next_place_, first_index);
}

std::vector<data::Prompt> DynamicSampling::batch(std::int64_t step) {
  const auto& rl = run_.config().rl;
  return rl.resample_zero_advantage ? next(rl.prompts_per_step, 0)
                                    : prompts_.batch(step, rl.prompts_per_step);
}

/// A group lives on one rank; the others learn of it by a sum.
std::vector<bool> DynamicSampling::find_useful(std::span<const data::Rollout> rollouts,
                                               std::int64_t num_groups) {
  std::map<std::int64_t, std::pair<double, double>> range;  // group -> lowest, highest reward
  for (const auto& rollout : rollouts) {
    const double reward = rollout.reward.total;
    const auto [entry, is_new] = range.try_emplace(rollout.group, reward, reward);
    entry->second = {std::min(entry->second.first, reward), std::max(entry->second.second, reward)};
  }
  auto flags = at::zeros({num_groups}, at::kLong);
  for (const auto& [group, rewards] : range)
    if (rewards.first < rewards.second) flags[group] = 1;
  run_.world().all_reduce(flags, parallel::ReduceOp::Sum, "groups of unequal rewards").wait();
  const auto* values = flags.const_data_ptr<std::int64_t>();
  return std::vector<bool>(values, values + num_groups);
}

std::int64_t DynamicSampling::refill(std::vector<data::Rollout>& rollouts, const Sample& sample) {
  const auto& rl = run_.config().rl;
  if (!rl.resample_zero_advantage) return 0;
  auto num_groups = rl.prompts_per_step;
  auto useful = find_useful(rollouts, num_groups);
  for (std::int64_t round = 0; round < rl.max_resample_rounds; ++round) {
    const auto missing = rl.prompts_per_step - std::count(useful.begin(), useful.end(), true);
    if (missing <= 0) break;
    for (auto& rollout : sample(next(missing, num_groups))) rollouts.push_back(std::move(rollout));
    num_groups += missing;
    useful = find_useful(rollouts, num_groups);
  }
  const auto chosen = choose_groups(useful, rl.prompts_per_step);
  std::vector<data::Rollout> kept;
  for (auto& rollout : rollouts) {
    const auto place = std::lower_bound(chosen.begin(), chosen.end(), rollout.group);
    if (place == chosen.end() || *place != rollout.group) continue;
    const auto group = place - chosen.begin();
    rollout.sample += (group - rollout.group) * rl.samples_per_prompt;
    rollout.group = rollout.prompt.index = group;
    kept.push_back(std::move(rollout));
  }
  rollouts = std::move(kept);
  return num_groups - rl.prompts_per_step;
}

std::vector<std::int64_t> choose_groups(const std::vector<bool>& useful, std::int64_t wanted) {
  std::vector<std::int64_t> chosen;
  for (const bool kind : {true, false})
    for (std::size_t group = 0; group < useful.size(); ++group)
      if (useful[group] == kind && static_cast<std::int64_t>(chosen.size()) < wanted)
        chosen.push_back(static_cast<std::int64_t>(group));
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace r1::mpi
