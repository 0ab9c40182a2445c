#pragma once
// The policy role in supervised stages: one model that is trained on lists of samples.
#include <functional>

#include "run_loop.h"
#include "training/supervised_step.h"

namespace r1::mpi {

class Learner {
 public:
  /// Loads `model` on policy ranks. `has_score`: a score head [1, D] is trained with the model,
  /// which starts at 0. Collective over: world.
  Learner(const Run& run, const models::ModelOptions& model, std::int64_t total_steps,
          bool has_score = false);

  /// Registers the learner's state in the checkpoints of the loop. Collective over: world.
  void persist(RunLoop& loop);

  /// Calls training::supervised_step on the training ranks; does nothing on other ranks.
  /// `may_be_cut_short`: a signal may end the step early (RunLoop::takes); not where other ranks
  /// send something for each micro-batch. Collective over: policy.
  training::SupervisedStep step(std::span<const data::TrainingSample> samples,
                                const training::PassLoss& loss, std::int64_t step,
                                const std::function<double()>& more = {},
                                std::int64_t samples_per_record = 1, bool may_be_cut_short = true);
  /// Mean cross entropy per target token over `samples`. Collective over: policy.
  double evaluate(std::span<const data::TrainingSample> samples);

  /// The micro-batches of a replica in a step, as lists of indices
  /// (training::replica_micro_batches).
  std::vector<std::vector<std::int64_t>> micro_batches(
      std::span<const data::TrainingSample> samples, int replica) const;
  bool active() const { return model_ != nullptr; }
  models::Model& model() { return *model_; }
  /// [1, D] in the model's dtype; undefined without a score head.
  const at::Tensor& score() const { return score_; }
  training::Trainer& trainer() { return *trainer_; }
  training::TrainedModel trained() { return {*model_, *trainer_, data_parallel()}; }
  parallel::Communicator& data_parallel() { return run_.groups().data(kPolicy); }

 private:
  const Run& run_;
  models::ModelOptions options_;
  std::unique_ptr<models::Model> model_;
  at::Tensor score_;
  std::unique_ptr<training::Trainer> trainer_;
};

/// Fills the master weights of `trainer` in their own dtype, and sets the model from them, if
/// load_trained_model left the model without weights: the model computes in a narrower dtype, or
/// its weights are shared out.
/// Besides model and master weights, one parameter is in memory at a time.
void load_masters(training::Trainer& trainer, const models::ModelOptions& options,
                  std::uint64_t seed);

/// Returns |w - w0| / |w0| over all master weights of `trainer`; w0 are the weights of the model of
/// `options`, loaded in the dtype of the master weights. Collective over: policy.
double relative_change(const training::Trainer& trainer, const models::ModelOptions& options,
                       std::uint64_t seed);

}  // namespace r1::mpi
