#pragma once
// The parameters of a trainer: over which ranks their gradients are summed, and which range of each
// this rank updates (ZeRO).
#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "models/model.h"
#include "models/split_model.h"
#include "parallel/gradient_buckets.h"

namespace r1::training {

/// The ranks that train the same weights on other samples.
struct DataAxes {
  parallel::Communicator* all;      // all replicas
  parallel::Communicator* experts;  // those that hold the same experts
};

class TrainedParameters {
 public:
  /// Makes `parameters`, the model's first, require gradients. Model and communicators outlive it.
  TrainedParameters(const models::Model& model, std::vector<models::Parameter> parameters,
                    const config::TrainerOptions& options, const DataAxes& data);

  const std::vector<models::Parameter>& parameters() const { return parameters_; }
  /// Of the gradient of the whole step, what this rank updates with; valid after finish().
  const std::vector<models::FlatRange>& gradients() const { return gradients_; }
  /// Number of the range of a parameter, if this rank updates any of it.
  std::optional<std::size_t> range_of(std::size_t parameter) const;
  /// The elements of a parameter that one of gradients() belongs to: a view, flat.
  at::Tensor weights(const models::FlatRange& range) const;
  /// Whether each rank of replicas_of() updates a part of its own.
  bool is_sharded(std::size_t parameter) const;
  /// The ranks over which a parameter's gradient is summed.
  parallel::Communicator& replicas_of(std::size_t parameter) const;

  /// One step: start(), backward() per micro-batch, end_backward(), finish(); as in Trainer.
  void start() { buckets_->start(); }
  void backward(const at::Tensor& loss, bool last);
  void end_backward();
  void finish();
  /// Of the gradient of the whole model. Collective over: the policy.
  double squared_norm() const;
  /// Brings what each rank has updated to the others. Collective over: data axes.
  void gather_weights();

 private:
  /// Parameters that are summed over the same ranks: shared ones, and experts where replicas share
  /// them.
  struct Group {
    parallel::Communicator* ranks;
    std::vector<std::size_t> parameters;  // those that no gradient reaches first
  };
  void make_groups();
  std::vector<at::Tensor> values(const Group& group) const;
  bool is_sharded(const Group& group) const;
  bool anyone_passes(bool i_pass) const;
  double own_squares(const Group& group) const;

  const models::Model& model_;
  std::vector<models::Parameter> parameters_;
  DataAxes data_;
  bool reduces_each_pass_ = false;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;  // by parameter
  std::unique_ptr<parallel::GradientBuckets> buckets_;
  std::vector<models::FlatRange> gradients_;  // by parameter
};

}  // namespace r1::training
