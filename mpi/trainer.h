#pragma once
// The training engine of the policy: gradients over micro-batches and ranks, clipping, AdamW, and
// what of it belongs into checkpoints. Knows nothing of losses.
#include <memory>
#include <vector>

#include "checkpoint/sharded_tensor.h"
#include "config/options.h"
#include "models/model.h"
#include "optim/adamw.h"
#include "optim/clip.h"
#include "parallel/gradient_buckets.h"

namespace r1::mpi {

/// What an optimizer step did.
struct OptimizerStep {
  double gradient_norm = 0.0;  // over all parameters, before clipping
  double learning_rate = 0.0;
  bool skipped = false;    // loss or gradient not finite, or an outlier
  at::Tensor expert_load;  // int64 [sparse layers, E] on the CPU, all ranks; undefined: no experts
};

/// A tensor trained besides the model's (the value head), under its name in checkpoints.
struct ExtraParameter {
  std::string name;
  at::Tensor value;
};

/// The ranks that train the same weights on other samples.
struct DataAxes {
  parallel::Communicator* all;      // all replicas
  parallel::Communicator* experts;  // those that hold the same experts
};

class Trainer {
 public:
  /// Makes the model's parameters require gradients. `total_steps`: optimizer steps of the stage
  /// (schedule). `model` and the communicators outlive the trainer.
  Trainer(models::Model& model, std::vector<ExtraParameter> extra,
          const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
          const config::RunOptions& run, std::int64_t total_steps, const DataAxes& data);

  /// One optimizer step is start(), backward() per micro-batch, end_backward(), finish().
  void start();
  /// `loss`: this micro-batch's part of the global step's loss (its denominators are global).
  /// `last`: no micro-batch of this rank follows in the step; its gradients are reduced while they
  /// are computed.
  void backward(const at::Tensor& loss, bool last);
  /// After the last micro-batch, before any other collective of the data axis: reductions that
  /// backward has not begun begin. Collective over: data axis.
  void end_backward();
  /// Collective over: the policy. `loss`: the global step's loss, equal on all ranks.
  /// Throws: NumericalError after too many skipped steps in a row.
  OptimizerStep finish(double loss);

  std::int64_t num_steps() const { return num_steps_; }
  std::int64_t num_skipped() const { return guard_.num_skipped(); }
  models::Model& model() { return model_; }

  /// Master weights, moments and extra parameters under Hugging Face names ("optimizer.exp_avg/…"
  /// for moments): this rank's boxes of them. Replicated over the data axis, whose ranks share the
  /// writing.
  std::vector<checkpoint::ShardedTensor> checkpoint_tensors();
  /// Counters that belong into the trainer state, and back. After loading tensors: refresh_model().
  std::string state() const;
  void restore_state(const std::string& state);
  /// Model weights from master weights (after a checkpoint was read into them).
  void refresh_model();

  /// The model's parameters with their master weights as values, without the extra ones: what a
  /// model file is read into and compared with. After filling them: refresh_model(). Masters copied
  /// from rounded weights would all be on bf16's grid, where no small step moves any weight for a
  /// long time.
  std::vector<models::Parameter> masters();
  /// The whole model in the master's precision, on the CPU, where `keep` is set: what is exported.
  /// Collective over: the ranks that hold the model together.
  std::unique_ptr<models::Model> master_model(bool keep);

 private:
  at::Tensor global_expert_load();
  double squared_norm() const;
  at::Tensor gradient(std::size_t parameter) const;

  models::Model& model_;
  std::vector<models::Parameter> parameters_;  // the model's, then the extra ones
  optim::OptimizerOptions optimizer_options_;
  optim::AdamW optimizer_;
  optim::OutlierGuard guard_;
  DataAxes data_;
  /// Parameters that are reduced over the same ranks; experts apart where replicas share them.
  struct Group {
    std::unique_ptr<parallel::GradientBuckets> buckets;
    std::vector<std::size_t> parameters;
  };
  std::vector<Group> groups_;
  std::vector<std::pair<std::size_t, std::size_t>> places_;  // of a parameter: group, index in it
  double expert_bias_rate_;
  std::int64_t total_steps_;
  std::int64_t num_steps_ = 0;  // taken and skipped
};

}  // namespace r1::mpi
