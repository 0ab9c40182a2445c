#pragma once
// The trainer: gradients over micro-batches and ranks, clipping, AdamW, and the optimizer state in
// checkpoints. The trainer does not know how a loss is computed.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "config/options.h"
#include "models/model.h"
#include "optim/adamw.h"
#include "optim/clip.h"
#include "training/trained_parameters.h"

namespace r1::training {

/// The result of one optimizer step.
struct OptimizerStep {
  double gradient_norm = 0.0;  // over all parameters, before clipping
  double learning_rate = 0.0;
  bool skipped = false;      // by the outlier guard (optim/clip.h); the log has the reason
  at::Tensor expert_load;    // int64 [sparse layers, E] on the CPU, all ranks; may be undefined
  at::Tensor routing_flips;  // int64 [3] (Model::take_routing_flips), likewise
};

/// A trained tensor that is not a parameter of the model (the value head), with its name in
/// checkpoints.
struct ExtraParameter {
  std::string name;
  at::Tensor value;
};

class Trainer {
 public:
  /// Makes what is trained of the model (Model::trained_parameters) require gradients.
  /// `total_steps`: optimizer steps of the stage, for the learning-rate schedule. `model` and the
  /// communicators must outlive the trainer.
  Trainer(models::Model& model, const std::vector<ExtraParameter>& extra,
          const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
          const config::RunOptions& run, std::int64_t total_steps, const WeightCopies& copies);

  /// One optimizer step calls start(), backward() per micro-batch, end_backward() and finish().
  void start() { parameters_.start(); }
  /// `loss`: this micro-batch's part of the global step's loss; the denominators of the loss are
  /// global. `last`: this rank has no further micro-batch in the step, so gradients are reduced
  /// while the backward pass computes them. Collective over: the copies with trainer.zero_stage
  /// = 2, where ranks may call backward() a different number of times.
  void backward(const at::Tensor& loss, bool last) { parameters_.backward(loss, last); }
  /// backward() as a callback for the idle passes of models::Lockstep: further passes may follow.
  std::function<void(const at::Tensor& loss)> idle_backward() {
    return [this](const at::Tensor& loss) { backward(loss, false); };
  }
  /// Call after the last micro-batch and before any other collective of the copies. Starts the
  /// reductions that backward() has not started. Collective over: copies.
  void end_backward() { parameters_.end_backward(); }
  /// Takes the step, or skips the step with a warning in the log of the policy's first rank.
  /// `loss`: loss of the global step. `has_advantages`: as in optim::PendingStep. Both arguments
  /// are equal on all ranks. Collective over: the policy. Throws: NumericalError after too many
  /// skipped steps in a row.
  OptimizerStep finish(double loss, bool has_advantages = true);

  /// Call instead of finish(): drops the step's gradients and advances the learning-rate schedule.
  /// Collective over: the policy.
  void discard();

  std::int64_t num_steps() const { return num_steps_; }
  std::int64_t num_skipped() const { return guard_.num_skipped(); }
  const models::Model& model() const { return model_; }

  /// Master weights, optimizer moments and extra parameters under Hugging Face names; names of
  /// moments start with "optimizer.exp_avg/" and "optimizer.exp_avg_sq/". With ZeRO each rank
  /// returns the boxes that it updates. Where all ranks of the copies update the same tensors,
  /// the ranks share the writing.
  std::vector<checkpoint::ShardedTensor> checkpoint_tensors();
  /// The trainer's counters as text for the trainer state of a checkpoint.
  std::string state() const;
  // Restores the counters. Throws: InputError if the checkpoint has adapters of another base. Call
  // refresh_model() after the tensors of a checkpoint are loaded.
  void restore_state(const std::string& state);
  /// Sets the model's weights from the master weights, after a checkpoint was read into the master
  /// weights. Collective over: copies.
  void refresh_model();

  /// Dtype of the master weights.
  at::ScalarType master_dtype() const { return optim::master_dtype(model_.dtype()); }
  /// Master weights of one of the model's trained parameters, or behind these of an extra
  /// parameter, in the parameter's shape. Collective over: copies.
  at::Tensor master(std::size_t parameter) const;
  /// Sets the master weights of a parameter, and from these the model's weights. Master weights
  /// copied from bf16 weights would all lie on bf16's grid, where small optimizer steps change no
  /// bf16 weight for a long time.
  void set_master(std::size_t parameter, const at::Tensor& values);
  /// The master weights to export, of the model and of the extra parameters: the boxes that this
  /// rank updates. Boxes of several
  /// ranks are disjoint, or equal where several ranks update the same weights.
  std::vector<checkpoint::ShardedTensor> master_tensors() const;
  /// master_tensors() of another rank, without memory. `model`: that rank's part of the model on
  /// the device meta. `all`, `experts`: that rank's ranks in WeightCopies. Collective over: none.
  std::vector<checkpoint::ShardedTensor> master_tensors_of(const models::Model& model, int all,
                                                           int experts) const;

 private:
  at::Tensor sum_over_ranks(at::Tensor counts, const char* label);

  models::Model& model_;
  std::vector<ExtraParameter> extra_;
  TrainedParameters parameters_;  // the model's trained parameters, then the extra ones
  optim::OptimizerOptions optimizer_options_;
  optim::AdamW optimizer_;  // one slot per range of parameters_.gradients()
  optim::OutlierGuard guard_;
  WeightCopies copies_;
  std::optional<std::uint64_t> base_;  // models::base_fingerprint of a model with adapters
  double expert_bias_rate_;
  std::int64_t total_steps_;
  std::int64_t num_steps_ = 0;  // steps taken, skipped and discarded
};

}  // namespace r1::training
