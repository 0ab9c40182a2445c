#pragma once
// The policy role in supervised stages: one model, optimizer steps over lists of samples.
#include <functional>

#include "algorithms/loss.h"
#include "data/packing.h"
#include "run.h"
#include "training/model_input.h"
#include "training/trainer.h"

namespace r1::mpi {

/// The denominators of a list of samples: completion tokens and sequences.
algorithms::LossDenominators count_targets(std::span<const data::TrainingSample> samples);

class Learner {
 public:
  /// One micro-batch of this rank: packed samples, the hidden states [L, D] of its loss rows, its
  /// number in the step. Returns its part of the step's loss.
  using MicroLoss = std::function<at::Tensor(const data::MicroBatch&, const at::Tensor& hidden,
                                             std::int64_t number)>;

  /// Loads `model` on policy ranks. Collective over: world.
  Learner(Run& run, const models::ModelOptions& model, std::int64_t total_steps);

  /// One optimizer step over `samples` (the same list on every rank; each takes its share). `more`
  /// adds losses of its own to the step (safety term); it returns what it added to the loss.
  /// Collective over: policy.
  metrics::Row step(std::span<const data::TrainingSample> samples, const MicroLoss& loss,
                    std::int64_t step, const std::function<double()>& more = {});
  /// Cross entropy per target token over `samples`. Collective over: policy.
  double evaluate(std::span<const data::TrainingSample> samples);

  /// This rank's micro-batches of a step, as lists of indices: a function of the list, the replica
  /// and the options.
  std::vector<std::vector<std::int64_t>> micro_batches(
      std::span<const data::TrainingSample> samples, int replica) const;
  bool active() const { return model_ != nullptr; }
  models::Model& model() { return *model_; }
  training::Trainer& trainer() { return *trainer_; }
  parallel::Communicator& data_parallel() { return run_.groups().data(kPolicy); }

 private:
  Run& run_;
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
