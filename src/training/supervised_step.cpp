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

/// Every num_replicas-th sample is a replica's: samples[replica + i * num_replicas].
std::vector<data::TrainingSample> samples_of_replica(std::span<const data::TrainingSample> samples,
                                                     int replica, int num_replicas) {
  std::vector<data::TrainingSample> mine;
  for (auto i = static_cast<std::size_t>(replica); i < samples.size();
       i += static_cast<std::size_t>(num_replicas))
    mine.push_back(samples[i]);
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
    const config::TrainerOptions& options) {
  auto lists = data::split_by_tokens(samples_of_replica(samples, replica, num_replicas),
                                     options.micro_batch_tokens, options.share_prefix);
  for (auto& list : lists)
    for (auto& index : list) index = replica + index * num_replicas;
  return lists;
}

PassLoss cross_entropy(const algorithms::LossDenominators& denominators,
                       std::int64_t chunk_tokens) {
  return [=](const Pass& pass) {
    return vocabulary::vocab_cross_entropy(pass.hidden(), pass.model().head(), pass.targets(),
                                           algorithms::sft_token_weight(denominators),
                                           chunk_tokens);
  };
}

SupervisedStep supervised_step(const TrainedModel& trained,
                               std::span<const data::TrainingSample> samples, const PassLoss& loss,
                               const config::TrainerOptions& options, const Progress& progress,
                               const std::function<double()>& more,
                               const IsCutShort& is_cut_short) {
  const base::Stopwatch watch;
  const auto& [model, trainer, replicas] = trained;
  trainer.start();
  double sum = 0.0;
  const auto lists = replica_micro_batches(samples, replicas.rank(), replicas.size(), options);
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
  const auto mine = samples_of_replica(samples, replicas.rank(), replicas.size());
  double sum = 0.0;
  for (const auto& logprobs :
       score_samples(trained.model, mine, scoring_options(options, 1.0)).logprobs)
    sum -= std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
  return trained.replicas.all_reduce_scalar(sum, parallel::ReduceOp::Sum, "held-out loss") /
         count_targets(samples).tokens;
}

}  // namespace r1::training
