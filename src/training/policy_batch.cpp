#include "training/policy_batch.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "training/number_lists.h"

namespace r1::training {
namespace {

/// The lists of the rows of a pass, one behind the other.
struct RowLists {
  std::vector<double> sampled, old, reference, advantages, returns, values;
};

void append(std::vector<double>& to, const std::vector<double>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

RowLists lists_of(const Pass& pass, const std::vector<const TrainingRow*>& rows) {
  RowLists lists;
  for (const auto& range : pass.batch().samples) {
    const auto& row = *rows[static_cast<std::size_t>(range.sample)];
    append(lists.sampled, row.sampled_logprobs);
    append(lists.old, row.old_logprobs);
    append(lists.reference, row.reference_logprobs);
    append(lists.advantages, row.advantages);
    append(lists.returns, row.returns);
    append(lists.values, row.old_values);
  }
  return lists;
}

/// The trainer's log-probabilities at the temperature at which the generator says its own.
at::Tensor logprobs_as_sampled(const Pass& pass, const at::Tensor& logprobs,
                               const PolicyUpdateOptions& options) {
  if (options.sampling_temperature == options.temperature) return logprobs.detach();
  const at::NoGradGuard no_grad;
  return pass
      .logprobs(options.sampling_temperature, /*with_entropy=*/false,
                options.trainer.logprob_chunk_tokens)
      .logprobs;
}

}  // namespace

MiniBatch make_mini_batch(const std::vector<const TrainingRow*>& rows,
                          parallel::Communicator& replicas) {
  MiniBatch batch;
  auto counts = at::zeros({3}, at::kDouble);  // tokens, rows, rows that have an advantage
  auto* count = counts.mutable_data_ptr<double>();
  for (const auto* row : rows) {
    count[1] += 1.0;
    if (!row->in_loss) continue;
    batch.rows.push_back(row);
    batch.samples.push_back(row->tokens);
    count[0] += static_cast<double>(data::num_targets(row->tokens));
    count[2] += row->has_advantage() ? 1.0 : 0.0;
  }
  replicas.all_reduce(counts, parallel::ReduceOp::Sum, "loss denominators").wait();
  count = counts.mutable_data_ptr<double>();
  batch.denominators = {count[0], count[1]};
  batch.has_advantages = count[2] > 0.0;
  return batch;
}

LossSums::LossSums()
    : policy(at::zeros({static_cast<std::int64_t>(algorithms::PolicySum::Count)}, at::kDouble)),
      value(at::zeros({static_cast<std::int64_t>(algorithms::ValueSum::Count)}, at::kDouble)) {}

LossSums& LossSums::operator+=(const LossSums& other) {
  policy += other.policy;
  value += other.value;
  loss += other.loss;
  largest_ratio = std::max(largest_ratio, other.largest_ratio);
  return *this;
}

LossSums LossSums::without_losses() const {
  LossSums rest;
  rest.policy = policy.clone();
  rest.policy[static_cast<std::int64_t>(algorithms::PolicySum::Loss)] = 0.0;
  rest.largest_ratio = largest_ratio;
  return rest;
}

void LossSums::reduce(parallel::Communicator& replicas) {
  replicas.all_reduce(policy, parallel::ReduceOp::Sum, "policy sums").wait();
  replicas.all_reduce(value, parallel::ReduceOp::Sum, "value sums").wait();
  loss = replicas.all_reduce_scalar(loss, parallel::ReduceOp::Sum, "loss");
  largest_ratio =
      replicas.all_reduce_scalar(largest_ratio, parallel::ReduceOp::Max, "largest ratio");
}

at::Tensor policy_pass_loss(const Pass& pass, const MiniBatch& mini_batch,
                            const ValueHead* value_head, const PolicyUpdateOptions& options,
                            LossSums& sums, GeneratorMismatch& mismatch) {
  const auto scores = pass.logprobs(options.temperature, /*with_entropy=*/true,
                                    options.trainer.logprob_chunk_tokens);
  const auto lists = lists_of(pass, mini_batch.rows);
  const auto like = [&](const std::vector<double>& list) {
    return to_tensor(list).to(scores.logprobs.device(), scores.logprobs.scalar_type());
  };
  const bool old_is_new = lists.old.empty();
  if (old_is_new)
    mismatch.add(logprobs_as_sampled(pass, scores.logprobs, options).to(at::kCPU, at::kDouble),
                 to_tensor(lists.sampled));
  algorithms::PolicyBatch batch;
  batch.logprobs = scores.logprobs;
  batch.old_logprobs = old_is_new ? scores.logprobs.detach() : like(lists.old);
  batch.advantages = like(lists.advantages);
  if (!lists.reference.empty()) batch.reference_logprobs = like(lists.reference);
  batch.entropy = scores.entropy;
  batch.lengths = pass.lengths();
  batch.sequence_ids = algorithms::sequence_ids_of(batch.lengths);
  if (options.policy_loss.rollout_correction.used()) batch.sampled_logprobs = like(lists.sampled);
  auto kl = options.kl;
  if (lists.reference.empty()) kl.coefficient = 0.0;
  const auto policy =
      algorithms::policy_loss(batch, options.policy_loss, kl, mini_batch.denominators);
  sums.policy += policy.sums.cpu();
  sums.largest_ratio = std::max(sums.largest_ratio, policy.largest_ratio.item<double>());
  auto loss = policy.loss;
  if (value_head != nullptr) {
    const auto now = pass.values(*value_head).to(scores.logprobs.scalar_type());
    const auto value = algorithms::value_loss(now, like(lists.values), like(lists.returns),
                                              options.value_loss, mini_batch.denominators);
    sums.value += value.sums.cpu();
    loss = loss + value.loss;
  }
  sums.loss += loss.item<double>();
  return loss;
}

}  // namespace r1::training
