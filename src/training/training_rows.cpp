#include "training/training_rows.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <map>

#include "algorithms/advantages.h"
#include "training/number_lists.h"

namespace r1::training {
namespace {

bool is_truncated(const data::Rollout& rollout) {
  return rollout.completion.finish_reason == data::FinishReason::Length;
}

/// The lists of all rows, one behind the other.
at::Tensor joined(const std::vector<TrainingRow>& rows, std::vector<double> TrainingRow::*list) {
  std::vector<double> all;
  for (const auto& row : rows) all.insert(all.end(), (row.*list).begin(), (row.*list).end());
  return to_tensor(all);
}

/// joined(), the other way.
void share_out(const at::Tensor& values, std::vector<TrainingRow>& rows,
               std::vector<double> TrainingRow::*list) {
  const auto all = to_vector(values);
  auto next = all.begin();
  for (auto& row : rows) {
    const auto end = next + data::num_targets(row.tokens);
    (row.*list).assign(next, end);
    next = end;
  }
}

/// Of the groups that have more than one sample. A replica holds whole groups.
GroupCounts count_groups(std::span<const data::Rollout> rollouts) {
  struct Group {
    double size = 0.0, low = 0.0, high = 0.0;
  };
  std::map<std::int64_t, Group> groups;
  for (const auto& rollout : rollouts) {
    auto& group = groups[rollout.group];
    const double reward = rollout.reward.total;
    group.low = group.size == 0.0 ? reward : std::min(group.low, reward);
    group.high = group.size == 0.0 ? reward : std::max(group.high, reward);
    group.size += 1.0;
  }
  GroupCounts counts;
  for (const auto& [number, group] : groups) {
    if (group.size < 2.0) continue;
    counts.number += 1.0;
    if (group.low == group.high) counts.num_zero += 1.0;
  }
  return counts;
}

}  // namespace

void punish_overlong(std::span<data::Rollout> rollouts, const config::RlOptions& rl) {
  if (rl.overlong != "penalty") return;
  for (auto& rollout : rollouts)
    if (is_truncated(rollout)) rollout.reward.total -= rl.overlong_penalty;
}

std::vector<TrainingRow> make_training_rows(std::span<const data::Rollout> rollouts,
                                            const config::RlOptions& rl) {
  std::vector<TrainingRow> rows;
  for (const auto& rollout : rollouts) {
    TrainingRow row;
    row.sample = rollout.sample;
    row.tokens = data::training_sample(rollout);
    if (rl.records_experts()) row.tokens.experts = rollout.completion.experts;
    row.sampled_logprobs = rollout.completion.logprobs;
    row.reference_logprobs = rollout.reference_logprobs;
    row.in_loss = !rollout.reward.drop && !(rl.overlong == "mask" && is_truncated(rollout));
    rows.push_back(std::move(row));
  }
  return rows;
}

GroupCounts set_group_advantages(std::vector<TrainingRow>& rows,
                                 std::span<const data::Rollout> rollouts,
                                 const algorithms::AdvantageOptions& options,
                                 parallel::Communicator& data) {
  std::vector<double> rewards;
  std::vector<std::int64_t> groups;
  for (const auto& rollout : rollouts) {
    rewards.push_back(rollout.reward.total);
    groups.push_back(rollout.group);
  }
  const auto result = algorithms::group_advantages(
      to_tensor(rewards), at::tensor(groups, at::kLong), options, [&](at::Tensor& values) {
        data.all_reduce(values, parallel::ReduceOp::Sum, "advantages").wait();
      });
  const auto advantages = to_vector(result.advantages);
  for (std::size_t i = 0; i < rows.size(); ++i)
    rows[i].advantages.assign(static_cast<std::size_t>(data::num_targets(rows[i].tokens)),
                              advantages[i]);
  return {static_cast<double>(result.num_groups), static_cast<double>(result.num_zero_groups)};
}

GroupCounts set_token_advantages(std::vector<TrainingRow>& rows,
                                 std::span<const data::Rollout> rollouts,
                                 const algorithms::AdvantageOptions& options,
                                 const algorithms::KlOptions& kl_options,
                                 algorithms::KlController& controller,
                                 parallel::Communicator& data) {
  std::vector<double> scores;
  std::vector<std::int64_t> lengths;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    scores.push_back(rollouts[i].reward.total);
    lengths.push_back(data::num_targets(rows[i].tokens));
  }
  const bool has_reference = std::any_of(rows.begin(), rows.end(), [](const TrainingRow& row) {
    return !row.reference_logprobs.empty();
  });
  const auto length_tensor = at::tensor(lengths, at::kLong);
  const auto zeros = at::zeros({length_tensor.sum().item<std::int64_t>()}, at::kDouble);
  const auto logprobs = has_reference ? joined(rows, &TrainingRow::old_logprobs) : zeros;
  const auto reference = has_reference ? joined(rows, &TrainingRow::reference_logprobs) : zeros;
  const double coefficient = kl_options.in_reward() ? controller.coefficient() : 0.0;
  const auto rewards = algorithms::rewards_with_kl(
      logprobs, reference, to_tensor(scores), length_tensor, kl_options.estimator, coefficient);
  const auto bootstrap = at::zeros({static_cast<std::int64_t>(rows.size())}, at::kDouble);
  const bool values = options.needs_values();
  // Without values and with lambda = 1, GAE gives the discounted sum of the later rewards.
  const auto gae =
      algorithms::gae(rewards, values ? joined(rows, &TrainingRow::old_values) : zeros,
                      length_tensor, bootstrap, options.gamma, values ? options.lambda : 1.0);
  auto advantages = gae.advantages;
  if (options.whiten || !values)
    advantages = algorithms::whiten(advantages, [&](at::Tensor& sums) {
      data.all_reduce(sums, parallel::ReduceOp::Sum, "whitening").wait();
    });
  share_out(advantages, rows, &TrainingRow::advantages);
  if (values) share_out(gae.returns, rows, &TrainingRow::returns);
  const auto all_sum = [&](double value, const char* label) {
    return data.all_reduce_scalar(value, parallel::ReduceOp::Sum, label);
  };
  const double samples = all_sum(static_cast<double>(rows.size()), "samples");
  const double kl = all_sum((logprobs - reference).sum().item<double>(), "sequence kl");
  controller.update(kl / std::max(1.0, samples), samples);
  return count_groups(rollouts);
}

}  // namespace r1::training
