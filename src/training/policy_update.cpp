#include "training/policy_update.h"

#include <ATen/ATen.h>

#include <map>
#include <numeric>

#include "algorithms/sft_loss.h"
#include "base/random.h"
#include "base/timer.h"
#include "models/lockstep.h"
#include "training/expert_metrics.h"
#include "training/number_lists.h"
#include "training/policy_batch.h"
#include "training/scoring.h"

namespace r1::training {
namespace {

/// What the optimizer steps of an update add up to.
struct Totals {
  LossSums sums;
  at::Tensor expert_load, routing_flips;  // undefined: no experts
  double coldstart_loss = 0.0, gradient_norm = 0.0, learning_rate = 0.0;
  double over_ratio_tokens = 0.0;  // of mini-batches that were left out
  std::int64_t num_tried = 0, num_over_ratio = 0, num_judged = 0, num_taken = 0;
};

/// The cold-start samples that one of the step's updates learns from.
struct ColdstartShare {
  std::span<const data::TrainingSample> samples;
  std::size_t first = 0;                      // place of the first of them in the step
  algorithms::LossDenominators denominators;  // of an update's mean share: the same for each
};

/// Each epoch goes through all cold-start samples, as it does through the rollouts: of its `count`
/// updates number `index` gets those in its proportion. With 3 samples and 8 updates, 5 get none.
ColdstartShare share_of(std::span<const data::TrainingSample> samples, std::int64_t index,
                        std::int64_t count) {
  const auto place = [&](std::int64_t update) {
    return samples.size() * static_cast<std::size_t>(update) / static_cast<std::size_t>(count);
  };
  double tokens = 0.0;
  for (const auto& sample : samples) tokens += static_cast<double>(sample.completion_ids.size());
  const auto updates = static_cast<double>(count);
  return {samples.subspan(place(index), place(index + 1) - place(index)),
          place(index),
          {tokens / updates, static_cast<double>(samples.size()) / updates}};
}

void add_counts(at::Tensor& total, const at::Tensor& counts) {
  if (counts.defined()) total = total.defined() ? total + counts : counts;
}

/// Sample numbers in the order in which an epoch goes through them.
std::vector<std::int64_t> sample_order(const config::RlOptions& rl, std::uint64_t seed,
                                       std::int64_t epoch) {
  const auto total = rl.samples_per_step();
  if (rl.mini_batch_samples() < total)
    return base::permutation(total, base::derive_seed({seed, static_cast<std::uint64_t>(epoch)}));
  std::vector<std::int64_t> all(static_cast<std::size_t>(total));
  std::iota(all.begin(), all.end(), 0);
  return all;
}

/// The rows of one mini-batch that this replica holds, in the order of `rows`: neighbours of a
/// group share their prompt.
std::vector<const TrainingRow*> rows_of(std::span<const std::int64_t> samples,
                                        const std::vector<TrainingRow>& rows) {
  std::map<std::int64_t, const TrainingRow*> row_of;
  for (const auto& row : rows) row_of[row.sample] = &row;
  std::vector<const TrainingRow*> mine;
  for (const auto sample : samples)
    if (const auto found = row_of.find(sample); found != row_of.end())
      mine.push_back(found->second);
  std::sort(mine.begin(), mine.end());
  return mine;
}

class Update {
 public:
  Update(const TrainedPolicy& policy, const PolicyUpdateOptions& options, const PolicyStep& step)
      : policy_(policy),
        options_(options),
        step_(step),
        old_are_sampled_(options.rl.staleness > 0 &&
                         !options.policy_loss.rollout_correction.used()) {}

  PolicyUpdate run(std::span<const data::Rollout> rollouts,
                   std::span<const data::TrainingSample> coldstart);

 private:
  bool one_optimizer_step() const {
    return options_.rl.update_epochs == 1 &&
           options_.rl.mini_batch_samples() >= options_.rl.samples_per_step();
  }
  void set_old_logprobs();
  void run_epochs(std::span<const data::TrainingSample> coldstart);
  void optimize(const MiniBatch& batch, const ColdstartShare& coldstart);
  double train_coldstart(const ColdstartShare& share, models::Lockstep& lockstep);
  void set_metrics(metrics::StepMetrics& metrics) const;

  const TrainedPolicy& policy_;
  const PolicyUpdateOptions& options_;
  const PolicyStep& step_;
  // Samples of older weights without a correction: old log-probs are the generator's, and the ratio
  // is that to the weights that drew the samples. A correction separates the two: old log-probs are
  // those of the weights at the start of the step, and its weights lead from the generator to
  // these.
  bool old_are_sampled_;
  std::vector<TrainingRow> rows_;
  GeneratorMismatch mismatch_;
  Totals totals_;
  bool cut_short_ = false;
};

/// Old log-probabilities and values. With one optimizer step per rollout the old log-probabilities
/// are those of its own pass and need none before it, unless the rewards of tokens need them.
void Update::set_old_logprobs() {
  if (old_are_sampled_)
    for (auto& row : rows_) row.old_logprobs = row.sampled_logprobs;
  const bool old_is_new =
      one_optimizer_step() && !old_are_sampled_ && !has_kl_rewards(options_.advantage, options_.kl);
  if (policy_.value_head == nullptr && (old_are_sampled_ || old_is_new)) return;
  const auto span = step_.timeline.span("old log-probs", step_.number);
  std::vector<data::TrainingSample> samples;
  for (const auto& row : rows_) {
    samples.push_back(row.tokens);
    if (!options_.rl.replays_experts()) samples.back().experts.clear();
  }
  auto scoring = scoring_options(options_.trainer, options_.temperature);
  const bool other_temperature = options_.sampling_temperature != options_.temperature;
  if (other_temperature) scoring.second_temperature = options_.sampling_temperature;
  auto scores = score_samples(policy_.model, samples, scoring, policy_.value_head);
  for (std::size_t i = 0; i < rows_.size(); ++i) {
    if (policy_.value_head != nullptr) rows_[i].old_values = std::move(scores.values[i]);
    if (old_are_sampled_) continue;
    mismatch_.add(to_tensor(other_temperature ? scores.second_logprobs[i] : scores.logprobs[i]),
                  to_tensor(rows_[i].sampled_logprobs));
    rows_[i].old_logprobs = std::move(scores.logprobs[i]);
  }
}

double Update::train_coldstart(const ColdstartShare& share, models::Lockstep& lockstep) {
  const auto replicas = static_cast<std::size_t>(policy_.replicas.size());
  const auto replica = static_cast<std::size_t>(policy_.replicas.rank());
  std::vector<std::int64_t> mine;
  for (std::size_t i = 0; i < share.samples.size(); ++i)
    if ((share.first + i) % replicas == replica) mine.push_back(static_cast<std::int64_t>(i));
  if (mine.empty()) return 0.0;
  lockstep.begin_pass();
  const Pass pass(policy_.model, share.samples, mine, options_.trainer.share_prefix);
  const auto sft = algorithms::sft_loss(
      pass.logprobs(1.0, false, options_.trainer.logprob_chunk_tokens).logprobs,
      share.denominators);
  policy_.trainer.backward(sft.loss * options_.rl.coldstart.sft_coef, !lockstep.needed());
  return sft.loss.item<double>();
}

void Update::optimize(const MiniBatch& batch, const ColdstartShare& coldstart) {
  auto& trainer = policy_.trainer;
  LossSums sums;
  trainer.start();
  const auto lists = data::split_by_tokens(batch.samples, options_.trainer.micro_batch_tokens,
                                           options_.trainer.share_prefix);
  models::Lockstep lockstep(policy_.model, trainer.idle_backward());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (step_.is_cut_short && step_.is_cut_short()) {
      cut_short_ = true;
      break;
    }
    lockstep.begin_pass();
    const Pass pass(policy_.model, batch.samples, lists[i], options_.trainer.share_prefix,
                    options_.rl.replays_experts());
    const auto loss = policy_pass_loss(pass, batch, policy_.value_head, options_, sums, mismatch_);
    trainer.backward(loss,
                     i + 1 == lists.size() && coldstart.samples.empty() && !lockstep.needed());
    step_.progress();
  }
  double coldstart_loss =
      coldstart.samples.empty() || cut_short_ ? 0.0 : train_coldstart(coldstart, lockstep);
  lockstep.finish();
  trainer.end_backward();
  if (step_.is_cut_short)
    cut_short_ = policy_.replicas.all_reduce_scalar(cut_short_ ? 1.0 : 0.0, parallel::ReduceOp::Max,
                                                    "drop the update?") > 0.0;
  if (cut_short_) return trainer.discard();
  sums.reduce(policy_.replicas);
  if (!coldstart.samples.empty())
    coldstart_loss = policy_.replicas.all_reduce_scalar(coldstart_loss, parallel::ReduceOp::Sum,
                                                        "cold-start loss");
  totals_.coldstart_loss += coldstart_loss;
  ++totals_.num_tried;
  const auto max_ratio = options_.rl.max_ratio;
  const bool over_ratio =
      max_ratio > 0.0 && algorithms::policy_metrics(sums.policy).at("ratio_mean") > max_ratio;
  if (over_ratio) {
    trainer.discard();
    totals_.sums += sums.without_losses();  // the metrics still say what the ratio was
    totals_.over_ratio_tokens += batch.denominators.tokens;
    ++totals_.num_over_ratio;
    return;
  }
  totals_.sums += sums;
  const auto result = trainer.finish(sums.loss + options_.rl.coldstart.sft_coef * coldstart_loss,
                                     batch.has_advantages);
  add_counts(totals_.expert_load, result.expert_load);
  add_counts(totals_.routing_flips, result.routing_flips);
  totals_.gradient_norm += result.gradient_norm;
  totals_.learning_rate = result.learning_rate;
  ++totals_.num_judged;
  if (!result.skipped) ++totals_.num_taken;
}

void Update::run_epochs(std::span<const data::TrainingSample> coldstart) {
  const auto& rl = options_.rl;
  const auto total = rl.samples_per_step(), size = rl.mini_batch_samples();
  const auto updates = (total + size - 1) / size;  // of an epoch
  for (std::int64_t epoch = 0; epoch < rl.update_epochs; ++epoch) {
    const auto before = totals_.sums.policy.clone();
    const auto order = sample_order(rl, step_.seed, epoch);
    for (std::int64_t begin = 0; begin < total; begin += size) {
      const auto samples = std::span(order).subspan(
          static_cast<std::size_t>(begin), static_cast<std::size_t>(std::min(size, total - begin)));
      optimize(make_mini_batch(rows_of(samples, rows_), policy_.replicas),
               share_of(coldstart, begin / size, updates));
      if (cut_short_) return;
    }
    const auto kl = algorithms::policy_metrics(totals_.sums.policy - before).at("kl_old_new");
    if (rl.max_kl > 0.0 && kl > rl.max_kl) break;
  }
}

void Update::set_metrics(metrics::StepMetrics& metrics) const {
  const auto updates = std::max<double>(1.0, static_cast<double>(totals_.num_judged));
  for (const auto& [name, value] : algorithms::policy_metrics(totals_.sums.policy))
    metrics.set(name, name == "policy_loss" ? value / updates : value);
  if (policy_.value_head != nullptr)
    for (const auto& [name, value] : algorithms::value_metrics(totals_.sums.value))
      metrics.set(name, name == "value_loss" ? value / updates : value);
  metrics.set("ratio_max", totals_.sums.largest_ratio);
  metrics.set("loss", totals_.sums.loss / updates);
  metrics.set("gradient_norm", totals_.gradient_norm / updates);
  metrics.set("learning_rate", totals_.learning_rate);
  set_expert_metrics(metrics, totals_.expert_load);
  set_flip_metrics(metrics, totals_.routing_flips);
  metrics.set("skipped_steps", static_cast<double>(policy_.trainer.num_skipped()));
  if (options_.rl.max_ratio > 0.0) {
    metrics.set("over_ratio_mini_batches", static_cast<double>(totals_.num_over_ratio));
    metrics.set("over_ratio_tokens", totals_.over_ratio_tokens);
  }
  metrics.set("policy_version", static_cast<double>(step_.policy_version + totals_.num_taken));
  if (options_.rl.coldstart_samples() > 0)
    metrics.set(
        "coldstart_loss",
        totals_.coldstart_loss / std::max<double>(1.0, static_cast<double>(totals_.num_tried)));
}

PolicyUpdate Update::run(std::span<const data::Rollout> rollouts,
                         std::span<const data::TrainingSample> coldstart) {
  rows_ = make_training_rows(rollouts, options_.rl);
  set_old_logprobs();
  GroupCounts groups;
  if (options_.advantage.has_token_rewards())
    groups = set_token_advantages(rows_, rollouts, options_.advantage, options_.kl,
                                  policy_.kl_controller, policy_.replicas);
  else
    groups = set_group_advantages(rows_, rollouts, options_.advantage, policy_.replicas);
  const auto span = step_.timeline.span("update", step_.number);
  const base::Stopwatch watch;
  run_epochs(coldstart);
  if (cut_short_) return {};
  PolicyUpdate result{{}, totals_.num_taken};
  set_rollout_metrics(result.metrics, rollouts, step_.policy_version, groups,
                      old_are_sampled_ ? nullptr : &mismatch_, policy_.replicas);
  set_metrics(result.metrics);
  result.metrics.set("update_seconds", watch.seconds());
  return result;
}

}  // namespace

PolicyUpdateOptions::PolicyUpdateOptions(const config::Config& config)
    : rl(config.rl),
      advantage(config.advantage),
      kl(config.kl),
      policy_loss(config.policy_loss),
      value_loss(config.value_loss),
      trainer(config.trainer),
      temperature(config.rl.loss_temperature(config.sampling.temperature)),
      sampling_temperature(config.sampling.temperature) {}

PolicyUpdate update_policy(const TrainedPolicy& policy, std::span<const data::Rollout> rollouts,
                           std::span<const data::TrainingSample> coldstart,
                           const PolicyUpdateOptions& options, const PolicyStep& step) {
  return Update(policy, options, step).run(rollouts, coldstart);
}

}  // namespace r1::training
