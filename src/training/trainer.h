#pragma once
// The training engine of the policy: gradients over micro-batches and ranks, clipping, AdamW, and
// what of it belongs into checkpoints. Knows nothing of losses.
#include <functional>
#include <memory>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "config/options.h"
#include "models/model.h"
#include "optim/adamw.h"
#include "optim/clip.h"
#include "training/trained_parameters.h"

namespace r1::training {

/// What an optimizer step did.
struct OptimizerStep {
  double gradient_norm = 0.0;  // over all parameters, before clipping
  double learning_rate = 0.0;
  bool skipped = false;    // as the guard decided (optim/clip.h); a warning says why
  at::Tensor expert_load;  // int64 [sparse layers, E] on the CPU, all ranks; undefined: no experts
};

/// A tensor trained besides the model's (the value head), under its name in checkpoints.
struct ExtraParameter {
  std::string name;
  at::Tensor value;
};

class Trainer {
 public:
  /// Makes the model's parameters require gradients. `total_steps`: optimizer steps of the stage
  /// (schedule). `model` and the communicators outlive the trainer.
  Trainer(models::Model& model, const std::vector<ExtraParameter>& extra,
          const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
          const config::RunOptions& run, std::int64_t total_steps, const DataAxes& data);

  /// One optimizer step is start(), backward() per micro-batch, end_backward(), finish().
  void start() { parameters_.start(); }
  /// `loss`: this micro-batch's part of the global step's loss (its denominators are global).
  /// `last`: no micro-batch of this rank follows in the step; its gradients are reduced while they
  /// are computed. Collective over: data axis, with trainer.zero_stage = 2 (ranks may call it
  /// unequally often).
  void backward(const at::Tensor& loss, bool last) { parameters_.backward(loss, last); }
  /// backward() for models::Lockstep: a pass that others need, more may follow.
  std::function<void(const at::Tensor& loss)> idle_backward() {
    return [this](const at::Tensor& loss) { backward(loss, false); };
  }
  /// After the last micro-batch, before any other collective of the data axis: reductions that
  /// backward has not begun begin. Collective over: data axis.
  void end_backward() { parameters_.end_backward(); }
  /// Takes the step or skips it, with a warning in the log of the policy's first rank. `loss`: the
  /// global step's loss; `has_advantages`: as in optim::PendingStep; both equal on all ranks.
  /// Collective over: the policy. Throws: NumericalError after too many skipped steps in a row.
  OptimizerStep finish(double loss, bool has_advantages = true);

  /// Instead of finish(): the step's gradients are thrown away, and the schedule goes on.
  /// Collective over: the policy.
  void discard();

  std::int64_t num_steps() const { return num_steps_; }
  std::int64_t num_skipped() const { return guard_.num_skipped(); }
  const models::Model& model() const { return model_; }

  /// Master weights, moments and extra parameters under Hugging Face names ("optimizer.exp_avg/…"
  /// for moments): the boxes of them that this rank updates, or its share of the writing where all
  /// ranks of the data axis update the same.
  std::vector<checkpoint::ShardedTensor> checkpoint_tensors();
  /// Counters that belong into the trainer state, and back. After loading tensors: refresh_model().
  std::string state() const;
  void restore_state(const std::string& state);
  /// Model weights from master weights (after a checkpoint was read into them). Collective over:
  /// data axis.
  void refresh_model();

  /// Of master weights.
  at::ScalarType master_dtype() const { return optim::master_dtype(model_.dtype()); }
  /// Master weights of a parameter of the model, shaped like it. Collective over: data axis.
  at::Tensor master(std::size_t parameter) const;
  /// Sets them, and the model's from them. Masters copied from rounded weights would all be on
  /// bf16's grid, where no small step moves any weight for a long time.
  void set_master(std::size_t parameter, const at::Tensor& values);
  /// The whole model in the master's precision, on the CPU, where `keep` is set: what is exported.
  /// Collective over: the policy.
  std::unique_ptr<models::Model> master_model(bool keep) const;

 private:
  at::Tensor global_expert_load();

  models::Model& model_;
  TrainedParameters parameters_;  // the model's, then the extra ones
  optim::OptimizerOptions optimizer_options_;
  optim::AdamW optimizer_;  // a slot for each range of parameters_.gradients()
  optim::OutlierGuard guard_;
  DataAxes data_;
  double expert_bias_rate_;
  std::int64_t total_steps_;
  std::int64_t num_steps_ = 0;  // taken, skipped and discarded
};

}  // namespace r1::training
