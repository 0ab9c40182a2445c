#include "roles/learner.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>
#include <numeric>

#include "base/timer.h"
#include "models/split_model.h"
#include "training/expert_metrics.h"

namespace r1::mpi {

algorithms::LossDenominators count_targets(std::span<const data::TrainingSample> samples) {
  algorithms::LossDenominators counts;
  for (const auto& sample : samples) {
    // Without a prompt the first token has nothing to be predicted from.
    counts.tokens +=
        static_cast<double>(sample.completion_ids.size() - (sample.prompt_ids.empty() ? 1 : 0));
    counts.sequences += 1.0;
  }
  return counts;
}

void load_masters(training::Trainer& trainer, const models::ModelOptions& options,
                  std::uint64_t seed) {
  if (!has_wider_masters(options, trainer.model().dtype())) return;
  for_each_first_weight(
      options, trainer.model(), trainer.master_dtype(), seed,
      [&](std::size_t i, const at::Tensor& values) { trainer.set_master(i, values); });
}

double relative_change(const training::Trainer& trainer, const models::ModelOptions& options,
                       std::uint64_t seed) {
  const at::NoGradGuard no_grad;
  const auto& axes = trainer.model().axes();
  auto sums = at::zeros({2}, at::kDouble);  // of the change, of the start
  for_each_first_weight(options, trainer.model(), trainer.master_dtype(), seed,
                        [&](std::size_t i, const at::Tensor& values) {
                          auto parameter = trainer.model().parameters()[i];
                          const auto now = trainer.master(i).cpu();
                          for (const auto& slice : parameter.slices) {
                            if (!models::counts(parameter, slice, axes)) continue;
                            const auto rows = [&](const at::Tensor& all) {
                              return all.narrow(0, slice.row_begin, slice.rows);
                            };
                            sums[0] += (rows(now) - rows(values)).square().sum(at::kDouble);
                            sums[1] += rows(values).square().sum(at::kDouble);
                          }
                        });
  axes.experts->all_reduce(sums, parallel::ReduceOp::Sum, "change of the weights").wait();
  return std::sqrt(sums[0].item<double>() / std::max(sums[1].item<double>(), 1e-300));
}

Learner::Learner(Run& run, const models::ModelOptions& model, std::int64_t total_steps)
    : run_(run), options_(model) {
  const auto& config = run.config();
  run.together(
      [&] {
        if (run.has_role(kPolicy))
          model_ = load_trained_model(model, run.dtype(), run.device(),
                                      static_cast<std::uint64_t>(config.run.seed),
                                      run.groups().model_axes(kPolicy));
      },
      "loading the model");
  if (active())
    trainer_ = std::make_unique<training::Trainer>(
        *model_, std::vector<training::ExtraParameter>(), config.optimizer, config.trainer,
        config.run, total_steps,
        training::DataAxes{&run.groups().data(kPolicy), &run.groups().expert_data(kPolicy)});
  run.together(
      [&] {
        if (!active()) return;
        load_masters(*trainer_, model, static_cast<std::uint64_t>(config.run.seed));
        if (run.writes()) run.describe(*model_);
      },
      "loading the master weights");
  run.persist("learner", {[this] {
                            return active() ? trainer_->checkpoint_tensors()
                                            : std::vector<checkpoint::ShardedTensor>();
                          },
                          [this] { return active() ? trainer_->state() : std::string(); },
                          [this](const std::string& state) {
                            if (!active()) return;
                            trainer_->restore_state(state);
                            trainer_->refresh_model();
                          }});
}

std::vector<std::vector<std::int64_t>> Learner::micro_batches(
    std::span<const data::TrainingSample> samples, int replica) const {
  const auto replicas =
      static_cast<std::size_t>(run_.groups().layout().role(kPolicy).num_replicas());
  std::vector<data::TrainingSample> mine;
  std::vector<std::int64_t> numbers;
  for (auto i = static_cast<std::size_t>(replica); i < samples.size(); i += replicas) {
    mine.push_back(samples[i]);
    numbers.push_back(static_cast<std::int64_t>(i));
  }
  const auto& trainer = run_.config().trainer;
  auto lists = data::split_by_tokens(mine, trainer.micro_batch_tokens, trainer.share_prefix);
  for (auto& list : lists)
    for (auto& index : list) index = numbers[static_cast<std::size_t>(index)];
  return lists;
}

metrics::Row Learner::step(std::span<const data::TrainingSample> samples, const MicroLoss& loss,
                           std::int64_t step, const std::function<double()>& more) {
  metrics::Row row;
  if (!active()) return row;
  const auto span = run_.timeline().span("update", step);
  const base::Stopwatch watch;
  trainer_->start();
  double sum = 0.0;
  const auto lists = micro_batches(samples, data_parallel().rank());
  models::Lockstep lockstep(*model_, trainer_->idle_backward());
  for (std::size_t i = 0; i < lists.size(); ++i) {
    lockstep.begin_pass();
    const auto batch = data::pack(samples, lists[i], run_.config().trainer.share_prefix);
    const auto input = training::model_input(batch, *model_);
    const auto hidden = model_->forward(input).index_select(
        0, training::to_tensor(batch.loss_rows, model_->device()));
    const auto part = loss(batch, hidden, static_cast<std::int64_t>(i));
    sum += part.item<double>();
    trainer_->backward(part, i + 1 == lists.size() && !more && !lockstep.needed());
    run_.progress();
  }
  lockstep.finish();
  if (more) sum += more();
  trainer_->end_backward();
  const double total = data_parallel().all_reduce_scalar(sum, parallel::ReduceOp::Sum, "loss");
  const auto result = trainer_->finish(total);
  row.set("loss", total);
  row.set("gradient_norm", result.gradient_norm);
  row.set("learning_rate", result.learning_rate);
  training::set_expert_metrics(row, result.expert_load);
  row.set("skipped_steps", static_cast<double>(trainer_->num_skipped()));
  row.set("tokens_per_second", count_targets(samples).tokens / std::max(1e-9, watch.seconds()));
  return row;
}

double Learner::evaluate(std::span<const data::TrainingSample> samples) {
  if (!active()) return 0.0;
  std::vector<data::TrainingSample> mine;
  for (auto i = static_cast<std::size_t>(data_parallel().rank()); i < samples.size();
       i += static_cast<std::size_t>(data_parallel().size()))
    mine.push_back(samples[i]);
  const auto& trainer = run_.config().trainer;
  double sum = 0.0;
  for (const auto& logprobs : training::score_samples(
           *model_, mine, 1.0,
           {trainer.score_batch_tokens, trainer.logprob_chunk_tokens, trainer.share_prefix}))
    sum -= std::accumulate(logprobs.begin(), logprobs.end(), 0.0);
  return data_parallel().all_reduce_scalar(sum, parallel::ReduceOp::Sum, "held-out loss") /
         count_targets(samples).tokens;
}

}  // namespace r1::mpi
