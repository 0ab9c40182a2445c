#include "training/rollout_metrics.h"

#include <ATen/ATen.h>

#include <cmath>

#include "algorithms/kl.h"
#include "base/log.h"
#include "data/missing_answers.h"
#include "metrics/aggregate.h"
#include "training/number_lists.h"

namespace r1::training {
namespace {

/// Of the tokens, each of which has the version of the weights that sampled it.
void add_staleness(metrics::Aggregate& all, const data::Rollout& rollout,
                   std::int64_t policy_version) {
  const auto& completion = rollout.completion;
  auto versions = completion.versions;
  if (versions.empty()) versions = {{0, rollout.policy_version}};
  for (std::size_t i = 0; i < versions.size(); ++i) {
    const auto end = i + 1 < versions.size()
                         ? versions[i + 1].first
                         : static_cast<std::int64_t>(completion.token_ids.size());
    const auto count = static_cast<double>(end - versions[i].first);
    const auto staleness = static_cast<double>(policy_version - versions[i].second);
    all.add_mean("stale_token_share", staleness > 0.0 ? 1.0 : 0.0, count);
    all.add_mean("token_staleness", staleness, count);
    all.add_max("token_staleness_max", staleness);
  }
}

void add(metrics::Aggregate& all, const data::Rollout& rollout, std::int64_t policy_version) {
  const auto& completion = rollout.completion;
  all.add_spread("reward", rollout.reward.total);
  all.add_mean("completion_length", static_cast<double>(data::num_sampled(completion)));
  all.add_max("completion_length_max", static_cast<double>(data::num_sampled(completion)));
  all.add_mean("truncated_share",
               completion.finish_reason == data::FinishReason::Length ? 1.0 : 0.0);
  all.add_mean("dropped_share", rollout.reward.drop ? 1.0 : 0.0);
  all.add_mean("rollout_staleness", static_cast<double>(policy_version - rollout.policy_version));
  add_staleness(all, rollout, policy_version);
  for (const double mass : completion.kept_mass) all.add_mean("kept_mass", mass);
  double kl = 0.0;
  for (std::size_t t = 0; t < rollout.reference_logprobs.size(); ++t)
    kl += completion.logprobs[t] - rollout.reference_logprobs[t];
  all.add_mean("kl_divergence", kl);
}

void reduce(metrics::Aggregate& all, parallel::Communicator& replicas) {
  auto sums = to_tensor(all.sums()), maxima = to_tensor(all.maxima());
  replicas.all_reduce(sums, parallel::ReduceOp::Sum, "step metrics").wait();
  replicas.all_reduce(maxima, parallel::ReduceOp::Max, "step maxima").wait();
  all.set_reduced(to_vector(sums), to_vector(maxima));
}

void set_effective_share(metrics::StepMetrics& metrics, const GeneratorMismatch& mismatch,
                         parallel::Communicator& replicas) {
  auto sums = at::tensor({mismatch.weights, mismatch.squared_weights, mismatch.count}, at::kDouble);
  replicas.all_reduce(sums, parallel::ReduceOp::Sum, "importance weights").wait();
  const auto list = to_vector(sums);
  if (list[2] > 0.0) metrics.set("effective_sample_share", list[0] * list[0] / (list[2] * list[1]));
}

}  // namespace

void GeneratorMismatch::add(const at::Tensor& logprobs, const at::Tensor& sampled) {
  if (logprobs.numel() == 0) return;
  const auto log_weights = logprobs - sampled;
  k1 += algorithms::kl_estimate("k1", sampled, logprobs).sum().item<double>();
  k2 += algorithms::kl_estimate("k2", sampled, logprobs).sum().item<double>();
  k3 += algorithms::kl_estimate("k3", sampled, logprobs).sum().item<double>();
  weights += log_weights.exp().sum().item<double>();
  squared_weights += (2.0 * log_weights).exp().sum().item<double>();
  const auto difference = log_weights.abs();
  abs_sum += difference.sum().item<double>();
  exp_sum += difference.exp().sum().item<double>();
  largest = std::max(largest, difference.max().item<double>());
  count += static_cast<double>(difference.numel());
}

void set_rollout_metrics(metrics::StepMetrics& metrics, std::span<const data::Rollout> rollouts,
                         std::int64_t policy_version, const GroupCounts& groups,
                         const GeneratorMismatch* mismatch, parallel::Communicator& replicas) {
  metrics::Aggregate all;
  for (const char* name :
       {"completion_length", "truncated_share", "dropped_share", "kept_mass", "kl_divergence",
        "rollout_staleness", "stale_token_share", "token_staleness"})
    all.declare_mean(name);
  all.declare_spread("reward");
  all.declare_max("completion_length_max");
  all.declare_max("token_staleness_max");
  for (const auto& rollout : rollouts) add(all, rollout, policy_version);
  all.add_sum("zero_advantage_groups", {groups.num_zero, groups.number});
  if (mismatch != nullptr) {
    all.add_sum("generator_trainer_abs", {mismatch->abs_sum, mismatch->count});
    all.add_sum("generator_trainer_exp", {mismatch->exp_sum, mismatch->count});
    all.add_sum("generator_trainer_kl", {mismatch->k1, mismatch->count});
    all.add_sum("generator_trainer_kl_k2", {mismatch->k2, mismatch->count});
    all.add_sum("generator_trainer_kl_k3", {mismatch->k3, mismatch->count});
    all.add_max("generator_trainer_max", mismatch->largest);
  }
  reduce(all, replicas);
  for (const auto& [name, value] : all.values()) {
    if (name == "dropped_share" && value == 1.0 && !rollouts.empty() && replicas.rank() == 0)
      base::log_warning(
          "no sample of the step could be scored ({}): nothing is learnt; the first problem's "
          "record has the fields {}",
          rollouts[0].reward.reason, data::list_fields(rollouts[0].prompt.record));
    if (!std::isnan(value))
      metrics.set(name, value);  // nothing was counted: no top-p, no reference
  }
  if (mismatch != nullptr) set_effective_share(metrics, *mismatch, replicas);
}

}  // namespace r1::training
