#include "roles/policy_update.h"

#include <ATen/ATen.h>
#include <c10/core/InferenceMode.h>

#include <cmath>
#include <numeric>

#include "algorithms/sft_loss.h"
#include "base/log.h"
#include "base/random.h"
#include "base/timer.h"
#include "data/missing_answers.h"
#include "training/expert_metrics.h"
#include "vocabulary/vocab_logprob.h"

namespace r1::mpi {
namespace {

void append(std::vector<double>& to, const std::vector<double>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

PolicyUpdate::PolicyUpdate(Policy& policy, std::vector<data::Rollout> rollouts, std::int64_t step)
    : policy_(policy),
      run_(policy.run_),
      config_(policy.run_.config()),
      rollouts_(std::move(rollouts)),
      step_(step) {
  const auto& rl = config_.rl;
  samples_are_older_ = rl.staleness > 0;
  old_is_new_ = rl.update_epochs == 1 && rl.mini_batch_samples() >= rl.samples_per_step() &&
                rl.algorithm != "ppo" && !samples_are_older_;
  version_before_ = policy.version_;
  policy_sums_ = at::zeros({static_cast<std::int64_t>(algorithms::PolicySum::Count)}, at::kDouble);
  value_sums_ = at::zeros({static_cast<std::int64_t>(algorithms::ValueSum::Count)}, at::kDouble);
}

double PolicyUpdate::all_sum(double value, const char* label) const {
  return policy_.data_parallel().all_reduce_scalar(value, parallel::ReduceOp::Sum, label);
}

void PolicyUpdate::compute_old() {
  const auto span = run_.timeline().span("old log-probs", step_);
  const c10::InferenceMode inference;
  std::vector<data::TrainingSample> samples;
  for (const auto& row : rows_) samples.push_back(row.tokens);
  const auto& model = *policy_.model_;
  models::Lockstep lockstep(model);
  for (const auto& indices : data::split_by_tokens(samples, config_.trainer.score_batch_tokens,
                                                   config_.trainer.share_prefix)) {
    const auto batch = data::pack(samples, indices, config_.trainer.share_prefix);
    lockstep.begin_pass();
    const auto hidden = model.forward(training::model_input(batch, model))
                            .index_select(0, training::to_tensor(batch.loss_rows, model.device()));
    const auto logprobs = training::to_vector(
        vocabulary::vocab_logprobs(
            hidden, model.head(), training::targets_tensor(batch, model.device()),
            config_.sampling.temperature, false, config_.trainer.logprob_chunk_tokens)
            .logprobs);
    std::vector<double> values;
    if (policy_.value_head_)
      values = training::to_vector(
          at::linear(hidden, policy_.value_head_->weight, policy_.value_head_->bias).squeeze(1));
    for (const auto& range : batch.samples) {
      auto& row = rows_[static_cast<std::size_t>(range.sample)];
      row.old_logprobs.assign(logprobs.begin() + range.begin, logprobs.begin() + range.end);
      if (!values.empty())
        row.old_values.assign(values.begin() + range.begin, values.begin() + range.end);
      note_mismatch(training::to_tensor(row.old_logprobs),
                    training::to_tensor(row.sampled_logprobs));
    }
  }
  lockstep.finish();
}

void PolicyUpdate::note_mismatch(const at::Tensor& logprobs, const at::Tensor& sampled) {
  if (samples_are_older_) return;  // other weights, other log-probs
  const auto difference = logprobs - sampled;
  mismatch_sum_ += difference.abs().sum().item<double>();
  mismatch_exp_ += difference.abs().exp().sum().item<double>();
  mismatch_max_ =
      std::max(mismatch_max_, difference.numel() > 0 ? difference.abs().max().item<double>() : 0.0);
  mismatch_count_ += static_cast<double>(difference.numel());
}

std::vector<std::int64_t> PolicyUpdate::local_rows(const std::vector<std::int64_t>& order,
                                                   std::int64_t begin, std::int64_t end) const {
  std::map<std::int64_t, std::int64_t> row_of;
  for (std::size_t i = 0; i < rows_.size(); ++i)
    row_of[rows_[i].sample] = static_cast<std::int64_t>(i);
  std::vector<std::int64_t> mine;
  for (auto i = begin; i < end; ++i)
    if (const auto found = row_of.find(order[static_cast<std::size_t>(i)]); found != row_of.end())
      mine.push_back(found->second);
  std::sort(mine.begin(), mine.end());  // neighbours of a group share their prompt
  return mine;
}

void PolicyUpdate::train_micro_batch(const data::MicroBatch& batch,
                                     const std::vector<std::int64_t>& rows, bool last,
                                     Losses& sums) {
  const auto& model = *policy_.model_;
  const auto device = model.device();
  const auto input = training::model_input(batch, model);
  const auto hidden =
      model.forward(input).index_select(0, training::to_tensor(batch.loss_rows, device));
  const bool with_entropy = true;
  const auto scores = vocabulary::vocab_logprobs(
      hidden, model.head(), training::targets_tensor(batch, device), config_.sampling.temperature,
      with_entropy, config_.trainer.logprob_chunk_tokens);
  std::vector<double> old, reference, advantages, returns, values, sampled;
  std::vector<std::int64_t> lengths;
  for (const auto& range : batch.samples) {
    const auto& row = rows_[static_cast<std::size_t>(rows[static_cast<std::size_t>(range.sample)])];
    append(old, row.old_logprobs);
    append(reference, row.reference_logprobs);
    append(advantages, row.advantages);
    append(returns, row.returns);
    append(values, row.old_values);
    append(sampled, row.sampled_logprobs);
    lengths.push_back(range.end - range.begin);
  }
  const auto like = [&](const std::vector<double>& list) {
    return training::to_tensor(list).to(device, scores.logprobs.scalar_type());
  };
  if (old_is_new_)
    note_mismatch(scores.logprobs.detach().to(at::kCPU, at::kDouble), training::to_tensor(sampled));
  algorithms::PolicyBatch policy_batch;
  policy_batch.logprobs = scores.logprobs;
  policy_batch.old_logprobs = old_is_new_ ? scores.logprobs.detach() : like(old);
  policy_batch.advantages = like(advantages);
  if (!reference.empty()) policy_batch.reference_logprobs = like(reference);
  policy_batch.entropy = scores.entropy;
  policy_batch.lengths = training::to_tensor(lengths, device);
  policy_batch.sequence_ids = algorithms::sequence_ids_of(policy_batch.lengths);
  auto kl = config_.kl;
  if (reference.empty()) kl.coefficient = 0.0;
  const auto policy = algorithms::policy_loss(policy_batch, config_.policy_loss, kl, denominators_);
  sums.policy_sums += policy.sums.cpu();
  auto loss = policy.loss;
  if (policy_.value_head_) {
    const auto now = at::linear(hidden, policy_.value_head_->weight, policy_.value_head_->bias)
                         .squeeze(1)
                         .to(scores.logprobs.scalar_type());
    const auto value =
        algorithms::value_loss(now, like(values), like(returns), config_.value_loss, denominators_);
    sums.value_sums += value.sums.cpu();
    loss = loss + value.loss;
  }
  sums.loss += loss.item<double>();
  policy_.trainer_->backward(loss, last);
}

double PolicyUpdate::train_coldstart(std::span<const data::TrainingSample> samples,
                                     models::Lockstep& lockstep) {
  const auto& model = *policy_.model_;
  const auto replicas = policy_.data_parallel().size(), replica = policy_.data_parallel().rank();
  std::vector<std::int64_t> mine;
  double tokens = 0.0;
  for (std::size_t i = 0; i < samples.size(); ++i) {
    tokens += static_cast<double>(samples[i].completion_ids.size());
    if (static_cast<int>(i) % replicas == replica) mine.push_back(static_cast<std::int64_t>(i));
  }
  if (mine.empty()) return 0.0;
  const auto batch = data::pack(samples, mine, config_.trainer.share_prefix);
  const auto input = training::model_input(batch, model);
  lockstep.begin_pass();
  const auto hidden =
      model.forward(input).index_select(0, training::to_tensor(batch.loss_rows, model.device()));
  const auto logprobs = vocabulary::vocab_logprobs(hidden, model.head(),
                                                   training::targets_tensor(batch, model.device()),
                                                   1.0, false, config_.trainer.logprob_chunk_tokens)
                            .logprobs;
  const auto sft = algorithms::sft_loss(logprobs, {tokens, static_cast<double>(samples.size())});
  policy_.trainer_->backward(sft.loss * config_.rl.coldstart.sft_coef, !lockstep.needed());
  return sft.loss.item<double>();
}

void PolicyUpdate::optimize(const std::vector<std::int64_t>& rows,
                            std::span<const data::TrainingSample> coldstart) {
  std::vector<data::TrainingSample> samples;
  std::vector<std::int64_t> used;
  auto counts = at::zeros({3}, at::kDouble);  // tokens, rows, rows that have an advantage
  for (const auto row : rows) {
    counts[1] += 1.0;
    if (!rows_[static_cast<std::size_t>(row)].in_loss) continue;
    samples.push_back(rows_[static_cast<std::size_t>(row)].tokens);
    used.push_back(row);
    counts[0] += static_cast<double>(samples.back().completion_ids.size());
    counts[2] += rows_[static_cast<std::size_t>(row)].has_advantage() ? 1.0 : 0.0;
  }
  policy_.data_parallel().all_reduce(counts, parallel::ReduceOp::Sum, "loss denominators").wait();
  denominators_ = {counts[0].item<double>(), counts[1].item<double>()};
  Losses sums{at::zeros_like(policy_sums_), at::zeros_like(value_sums_), 0.0};
  auto& trainer = *policy_.trainer_;
  trainer.start();
  const auto batches = data::split_by_tokens(samples, config_.trainer.micro_batch_tokens,
                                             config_.trainer.share_prefix);
  models::Lockstep lockstep(*policy_.model_, trainer.idle_backward());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    lockstep.begin_pass();
    train_micro_batch(data::pack(samples, batches[i], config_.trainer.share_prefix), used,
                      i + 1 == batches.size() && coldstart.empty() && !lockstep.needed(), sums);
    run_.progress();
  }
  const double coldstart_part = coldstart.empty() ? 0.0 : train_coldstart(coldstart, lockstep);
  lockstep.finish();
  trainer.end_backward();
  policy_.data_parallel()
      .all_reduce(sums.policy_sums, parallel::ReduceOp::Sum, "policy sums")
      .wait();
  policy_.data_parallel().all_reduce(sums.value_sums, parallel::ReduceOp::Sum, "value sums").wait();
  policy_sums_ += sums.policy_sums;
  value_sums_ += sums.value_sums;
  const double max_ratio = config_.rl.max_ratio;
  if (max_ratio > 0.0 &&
      algorithms::policy_metrics(sums.policy_sums).at("ratio_mean") > max_ratio) {
    trainer.discard();
    over_ratio_tokens_ += denominators_.tokens;
    ++num_over_ratio_;
    return;
  }
  const double loss = all_sum(sums.loss, "loss");
  coldstart_loss_ = all_sum(coldstart_part, "cold-start loss");
  const auto result = trainer.finish(loss + config_.rl.coldstart.sft_coef * coldstart_loss_,
                                     counts[2].item<double>() > 0.0);
  if (result.expert_load.defined())
    expert_load_ = expert_load_.defined() ? expert_load_ + result.expert_load : result.expert_load;
  grad_norm_ += result.gradient_norm;
  learning_rate_ = result.learning_rate;
  loss_sum_ += loss;
  ++num_updates_;
  if (!result.skipped) ++policy_.version_;
}

metrics::Row PolicyUpdate::run(std::span<const data::TrainingSample> coldstart) {
  const auto& rl = config_.rl;
  rows_ = training::make_training_rows(rollouts_, rl);
  if (!old_is_new_ && (!samples_are_older_ || policy_.value_head_)) compute_old();
  if (samples_are_older_)  // the ratio is that to the weights that drew the samples
    for (auto& row : rows_) row.old_logprobs = row.sampled_logprobs;
  if (config_.advantage.needs_values())
    training::set_value_advantages(rows_, rollouts_, config_, policy_.kl_controller_,
                                   policy_.data_parallel());
  else
    groups_ = training::set_group_advantages(rows_, rollouts_, config_.advantage,
                                             policy_.data_parallel());
  const auto span = run_.timeline().span("update", step_);
  const base::Stopwatch watch;
  const auto total = rl.samples_per_step(), size = rl.mini_batch_samples();
  for (std::int64_t epoch = 0; epoch < rl.update_epochs; ++epoch) {
    const auto before = policy_sums_.clone();
    const auto order =
        size < total ? base::permutation(total, run_.seed({base::hash_name("mini-batches"),
                                                           static_cast<std::uint64_t>(step_),
                                                           static_cast<std::uint64_t>(epoch)}))
                     : [&] {
                         std::vector<std::int64_t> all(static_cast<std::size_t>(total));
                         std::iota(all.begin(), all.end(), 0);
                         return all;
                       }();
    for (std::int64_t begin = 0; begin < total; begin += size)
      optimize(local_rows(order, begin, std::min(total, begin + size)),
               epoch == 0 && begin == 0 ? coldstart : std::span<const data::TrainingSample>());
    ++epochs_done_;
    const auto kl = algorithms::policy_metrics(policy_sums_ - before).at("kl_old_new");
    if (rl.max_kl > 0.0 && kl > rl.max_kl) break;
  }
  metrics::Row row;
  fill_metrics(row);
  row.set("update_seconds", watch.seconds());
  return row;
}

void PolicyUpdate::fill_metrics(metrics::Row& row) {
  metrics::Aggregate all;
  for (const char* name : {"completion_length", "truncated_share", "dropped_share", "kept_mass",
                           "kl_divergence", "rollout_staleness"})
    all.declare_mean(name);
  all.declare_spread("reward");
  for (std::size_t i = 0; i < rollouts_.size(); ++i) {
    const auto& rollout = rollouts_[i];
    all.add_spread("reward", rollout.reward.total);
    all.add_mean("completion_length", static_cast<double>(rollout.completion.token_ids.size()));
    all.add_mean("truncated_share",
                 rollout.completion.finish_reason == data::FinishReason::Length ? 1.0 : 0.0);
    all.add_mean("dropped_share", rollout.reward.drop ? 1.0 : 0.0);
    all.add_mean("rollout_staleness",
                 static_cast<double>(version_before_ - rollout.policy_version));
    for (const double mass : rollout.completion.kept_mass) all.add_mean("kept_mass", mass);
    const auto& reference = rollout.reference_logprobs;
    double kl = 0.0;
    for (std::size_t t = 0; t < reference.size(); ++t)
      kl += rollout.completion.logprobs[t] - reference[t];
    all.add_mean("kl_divergence", kl);
  }
  all.add_sum("zero_advantage_groups", {groups_.num_zero, groups_.number});
  if (!samples_are_older_) {
    all.add_sum("generator_trainer_abs", {mismatch_sum_, mismatch_count_});
    all.add_sum("generator_trainer_exp", {mismatch_exp_, mismatch_count_});
    all.add_max("generator_trainer_max", mismatch_max_);
  }
  auto sums = training::to_tensor(all.sums()), maxima = training::to_tensor(all.maxima());
  policy_.data_parallel().all_reduce(sums, parallel::ReduceOp::Sum, "step metrics").wait();
  policy_.data_parallel().all_reduce(maxima, parallel::ReduceOp::Max, "step maxima").wait();
  all.set_reduced(training::to_vector(sums), training::to_vector(maxima));
  for (const auto& [name, value] : all.values()) {
    if (name == "dropped_share" && value == 1.0 && !rollouts_.empty() &&
        policy_.data_parallel().rank() == 0)
      base::log_warning(
          "no sample of the step could be scored ({}): nothing is learnt; the first problem's "
          "record has the fields {}",
          rollouts_[0].reward.reason, data::field_names(rollouts_[0].prompt.record));
    if (!std::isnan(value)) row.set(name, value);  // nothing was counted: no top-p, no reference
  }
  const double updates = std::max<double>(1.0, static_cast<double>(num_updates_));
  for (const auto& [name, value] : algorithms::policy_metrics(policy_sums_))
    row.set(name, name == "policy_loss" ? value / updates : value);
  if (policy_.value_head_)
    for (const auto& [name, value] : algorithms::value_metrics(value_sums_))
      row.set(name, name == "value_loss" ? value / updates : value);
  row.set("loss", loss_sum_ / updates);
  row.set("gradient_norm", grad_norm_ / updates);
  row.set("learning_rate", learning_rate_);
  training::set_expert_metrics(row, expert_load_);
  row.set("skipped_steps", static_cast<double>(policy_.trainer_->num_skipped()));
  if (config_.rl.max_ratio > 0.0) {
    row.set("over_ratio_mini_batches", static_cast<double>(num_over_ratio_));
    row.set("over_ratio_tokens", over_ratio_tokens_);
  }
  row.set("policy_version", static_cast<double>(policy_.version_));
  if (config_.rl.coldstart_samples() > 0) row.set("coldstart_loss", coldstart_loss_);
}

metrics::Row Policy::update(std::vector<data::Rollout> rollouts,
                            std::span<const data::TrainingSample> coldstart, std::int64_t step) {
  if (!active()) return {};
  return PolicyUpdate(*this, std::move(rollouts), step).run(coldstart);
}

}  // namespace r1::mpi
