#include "roles/learner.h"

#include <ATen/ATen.h>

#include "models/decoder_classifier.h"
#include "models/split_model.h"

namespace r1::mpi {

void load_masters(training::Trainer& trainer, const models::ModelOptions& options,
                  std::uint64_t seed) {
  const bool wider = has_wider_masters(options, trainer.model().dtype());
  if (!wider && trainer.model().weight_shards() == nullptr) return;
  for_each_first_weight(
      options, trainer.model(), wider ? trainer.master_dtype() : trainer.model().dtype(), seed,
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
  axes[parallel::ModelAxis::Experts]
      .all_reduce(sums, parallel::ReduceOp::Sum, "change of the weights")
      .wait();
  return std::sqrt(sums[0].item<double>() / std::max(sums[1].item<double>(), 1e-300));
}

Learner::Learner(const Run& run, const models::ModelOptions& model, std::int64_t total_steps,
                 bool has_score)
    : run_(run), options_(model) {
  const auto& config = run.config();
  run.together(
      [&] {
        if (run.has_role(kPolicy))
          model_ = load_trained_model(
              model, run.dtype(), run.device(), static_cast<std::uint64_t>(config.run.seed),
              run.groups().model_axes(kPolicy), run.sharing_copies(kPolicy).has_value());
      },
      "loading the model");
  if (active()) {
    std::vector<training::ExtraParameter> extra;
    if (has_score) {
      score_ = at::zeros({1, model_->shape().hidden_size},
                         at::TensorOptions(run.device()).dtype(run.dtype()));
      extra = {{models::kScoreWeight, score_}};
    }
    trainer_ = std::make_unique<training::Trainer>(*model_, extra, config.optimizer, config.trainer,
                                                   config.run, total_steps,
                                                   run.groups().weight_copies(kPolicy));
  }
  run.together(
      [&] {
        if (!active()) return;
        load_masters(*trainer_, model, static_cast<std::uint64_t>(config.run.seed));
      },
      "loading the master weights");
}

void Learner::persist(RunLoop& loop) {
  run_.together(
      [&] {
        if (active() && run_.writes()) loop.describe(*model_);
      },
      "description of the model");
  loop.persist("learner", {[this] {
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
  return training::replica_micro_batches(
      samples, replica, run_.groups().layout().role(kPolicy).num_replicas(), run_.config().trainer);
}

training::SupervisedStep Learner::step(std::span<const data::TrainingSample> samples,
                                       const training::PassLoss& loss, std::int64_t step,
                                       const std::function<double()>& more,
                                       std::int64_t samples_per_record, bool may_be_cut_short) {
  if (!active()) return {};
  const auto span = run_.timeline().span("update", step);
  training::IsCutShort is_cut_short;
  if (may_be_cut_short) is_cut_short = [this] { return run_.is_cut_short(kPolicy); };
  return training::supervised_step(
      trained(), samples, loss, run_.config().trainer, [this] { run_.progress(); }, more,
      is_cut_short, samples_per_record);
}

double Learner::evaluate(std::span<const data::TrainingSample> samples) {
  return active() ? training::mean_cross_entropy(trained(), samples, run_.config().trainer) : 0.0;
}

}  // namespace r1::mpi
