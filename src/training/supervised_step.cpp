#include "training/supervised_step.h"

#include <ATen/ATen.h>

#include <numeric>

#include "algorithms/sft_loss.h"
#include "base/timer.h"
#include "models/lockstep.h"
#include "training/expert_metrics.h"
#include "training/scoring.h"

namespace r1::training {
namespace {

/// Numbers of the samples of a replica: those of every num_replicas-th record.
std::vector<std::int64_t> numbers_of_replica(std::size_t num_samples, int replica, int num_replicas,
                                             std::int64_t samples_per_record) {
  std::vector<std::int64_t> mine;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(num_samples); ++i)
    if (i / samples_per_record % num_replicas == replica) mine.push_back(i);
  return mine;
}

std::vector<data::TrainingSample> chosen(std::span<const data::TrainingSample> samples,
                                         const std::vector<std::int64_t>& numbers) {
  std::vector<data::TrainingSample> mine;
  for (const auto number : numbers) mine.push_back(samples[static_cast<std::size_t>(number)]);
  return mine;
}

}  // namespace

algorithms::LossDenominators count_targets(std::span<const data::TrainingSample> samples) {
  algorithms::LossDenominators counts;
  for (const auto& sample : samples) {
    counts.tokens += static_cast<double>(data::num_targets(sample));
    counts.sequences += 1.0;
  }
  return counts;
}

std::vector<std::vector<std::int64_t>> replica_micro_batches(
    std::span<const data::TrainingSample> samples, int replica, int num_replicas,
    const config::TrainerOptions& options, std::int64_t samples_per_record) {
  const auto numbers =
      numbers_of_replica(samples.size(), replica, num_replicas, samples_per_record);
  auto lists = data::split_by_tokens(chosen(samples, numbers), options.micro_batch_tokens,
                                     options.share_prefix, samples_per_record);
  for (auto& list : lists)
    for (auto& index : list) index = numbers[static_cast<std::size_t>(index)];
  return lists;
}

PassLoss cross_entropy(const algorithms::LossDenominators& denominators,
                       std::int64_t chunk_tokens) {
  return [=](const Pass& pass) {
    return pass.total(
        vocabulary::vocab_cross_entropy(pass.hidden(), pass.model().head(), pass.targets(),
                                        algorithms::sft_token_weight(denominators), chunk_tokens));
  };
}

SupervisedStep supervised_step(const TrainedModel& trained,
                               std::span<const data::TrainingSample> samples, const PassLoss& loss,
                               const config::TrainerOptions& options, const Progress& progress,
                               const std::function<double()>& more, const IsCutShort& is_cut_short,
                               std::int64_t samples_per_record) {
  const base::Stopwatch watch;
  const auto& [model, trainer, replicas] = trained;
  trainer.start();
  double sum = 0.0;
  const auto lists =
      replica_micro_batches(samples, replicas.rank(), replicas.size(), options, samples_per_record);
  models::Lockstep lockstep(model, trainer.idle_backward());
  bool cut_short = false;
  for (std::size_t i = 0; i < lists.size(); ++i) {
    if (is_cut_short && is_cut_short()) {
      cut_short = true;
      break;
    }
    lockstep.begin_pass();
    const Pass pass(model, samples, lists[i], options.share_prefix);
    const auto part = loss(pass);
    sum += part.item<double>();
    trainer.backward(part, i + 1 == lists.size() && !more && !lockstep.needed());
    progress();
  }
  lockstep.finish();
  // `more` makes passes in lockstep, too: all replicas make them, or none.
  if (more && is_cut_short && lockstep.needed())
    cut_short = replicas.all_reduce_scalar(cut_short ? 1.0 : 0.0, parallel::ReduceOp::Max,
                                           "drop the rest of the step?") > 0.0;
  if (more && !cut_short) sum += more();
  trainer.end_backward();
  if (is_cut_short && replicas.all_reduce_scalar(cut_short ? 1.0 : 0.0, parallel::ReduceOp::Max,
                                                 "drop the step?") > 0.0) {
    trainer.discard();
    return {};
  }
  SupervisedStep result;
  result.loss = replicas.all_reduce_scalar(sum, parallel::ReduceOp::Sum, "loss");
  const auto step = trainer.finish(result.loss);
  auto& metrics = result.metrics;
  metrics.set("loss", result.loss);
  metrics.set("gradient_norm", step.gradient_norm);
  metrics.set("learning_rate", step.learning_rate);
  set_expert_metrics(metrics, step.expert_load);
  metrics.set("skipped_steps", static_cast<double>(trainer.num_skipped()));
  metrics.set("tokens_per_second", count_targets(samples).tokens / std::max(1e-9, watch.seconds()));
  return result;
}

double mean_cross_entropy(const TrainedModel& trained,
                          std::span<const data::TrainingSample> samples,
                          const config::TrainerOptions& options) {
  const auto& replicas = trained.replicas;
  const auto mine =
      chosen(samples, numbers_of_replica(samples.size(), replicas.rank(), replicas.size(), 1));
  double sum = 0.0;
  for (const auto& logprobs :
       score_samples(trained.model, mine, scoring_options(options, 1.0)).logprobs)
    sum -= std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
  return trained.replicas.all_reduce_scalar(sum, parallel::ReduceOp::Sum, "held-out loss") /
         count_targets(samples).tokens;
}

}  // namespace r1::training
