#pragma once
// The policy role in supervised stages: one model, optimizer steps over lists of samples.
#include <functional>

#include "run_loop.h"
#include "training/supervised_step.h"

namespace r1::mpi {

class Learner {
 public:
  /// Loads `model` on policy ranks. Collective over: world.
  Learner(const Run& run, const models::ModelOptions& model, std::int64_t total_steps);

  /// What checkpoints of the loop hold of the learner. Collective over: world.
  void persist(RunLoop& loop);

  /// training::supervised_step on the ranks that train; elsewhere nothing. Collective over: policy.
  training::SupervisedStep step(std::span<const data::TrainingSample> samples,
                                const training::PassLoss& loss, std::int64_t step,
                                const std::function<double()>& more = {});
  /// Cross entropy per target token over `samples`. Collective over: policy.
  double evaluate(std::span<const data::TrainingSample> samples);

  /// Those of a replica in a step, as lists of indices (training::replica_micro_batches).
  std::vector<std::vector<std::int64_t>> micro_batches(
      std::span<const data::TrainingSample> samples, int replica) const;
  bool active() const { return model_ != nullptr; }
  models::Model& model() { return *model_; }
  training::Trainer& trainer() { return *trainer_; }
  training::TrainedModel trained() { return {*model_, *trainer_, data_parallel()}; }
  parallel::Communicator& data_parallel() { return run_.groups().data(kPolicy); }

 private:
  const Run& run_;
  models::ModelOptions options_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<training::Trainer> trainer_;
};

/// Fills `trainer`'s master weights in their own precision when the model computes in a lower one,
/// and the model from them (load_trained_model left it without weights). One parameter more than
/// both is in memory at a time.
void load_masters(training::Trainer& trainer, const models::ModelOptions& options,
                  std::uint64_t seed);

/// |w - w0| / |w0| over all master weights of `trainer`, w0 = the model of `options` as it is
/// loaded in that precision. Collective over: policy.
double relative_change(const training::Trainer& trainer, const models::ModelOptions& options,
                       std::uint64_t seed);

}  // namespace r1::mpi
