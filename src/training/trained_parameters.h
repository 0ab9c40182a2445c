#pragma once
// The parameters of a trainer: over which ranks each gradient is summed, and which range of each
// parameter this rank updates (ZeRO, Rajbhandari et al., arXiv 1910.02054).
#include <memory>
#include <optional>
#include <vector>

#include "config/options.h"
#include "models/model.h"
#include "models/split_model.h"
#include "parallel/gradient_buckets.h"

namespace r1::training {

using models::WeightCopies;

class TrainedParameters {
 public:
  /// Makes `parameters` require gradients. The model's trained parameters come first in the list.
  /// The weights of `model` are shared out or not; the model and the communicators must outlive
  /// this object.
  TrainedParameters(const models::Model& model, std::vector<models::Parameter> parameters,
                    const config::TrainerOptions& options, const WeightCopies& copies);

  const std::vector<models::Parameter>& parameters() const { return parameters_; }
  /// The gradients of the whole step for the ranges that this rank updates, sorted by parameter;
  /// valid after finish().
  const std::vector<models::FlatRange>& gradients() const { return gradients_; }
  /// Index in gradients() of the parameter's range, or nothing if this rank updates no part of the
  /// parameter.
  std::optional<std::size_t> range_of(std::size_t parameter) const;
  /// The weights that belong to `range`, one of gradients(): a flat view of the parameter, or of
  /// this rank's shard.
  at::Tensor weights(const models::FlatRange& range) const;
  /// Whether each rank of replicas_of(parameter) updates a different part of the parameter.
  bool is_sharded(std::size_t parameter) const;
  /// The ranks over which a parameter's gradient is summed.
  parallel::Communicator& replicas_of(std::size_t parameter) const;
  /// The ranges that another rank updates. `parameters`: that rank's parameters in the order of
  /// parameters(), which need no memory (device meta), and neither have the values of the ranges.
  /// `all`, `experts`: that rank's ranks in WeightCopies.
  std::vector<models::FlatRange> ranges_of(const std::vector<models::Parameter>& parameters,
                                           int all, int experts) const;

  /// One step calls start(), backward() per micro-batch, end_backward() and finish(), as in
  /// Trainer.
  void start() { buckets_->start(); }
  void backward(const at::Tensor& loss, bool last);
  void end_backward();
  void finish();
  /// Squared norm of the gradient of the whole model. Collective over: the policy.
  double squared_norm() const;
  /// Gathers the updated ranges, so that every rank holds all new weights that are not shared out.
  /// Collective over: data axes.
  void gather_weights();

 private:
  /// Parameters whose gradients are summed over the same ranks. Experts form a group of their own
  /// if only some replicas hold the same experts; all other parameters form the first group.
  struct Group {
    parallel::Communicator* ranks;
    std::vector<std::size_t> parameters;  // parameters that no gradient reaches come first
  };
  std::vector<Group> make_groups(const std::vector<models::Parameter>& parameters) const;
  bool by_units() const { return model_.weight_shards() != nullptr; }
  bool is_sharded(const Group& group) const;
  bool anyone_passes(bool i_pass) const;
  double own_squares(const Group& group) const;

  const models::Model& model_;
  std::vector<models::Parameter> parameters_;
  WeightCopies copies_;
  bool reduces_each_pass_ = false;
  parallel::GradientBucketOptions bucket_options_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;  // index of the group, by parameter
  std::unique_ptr<parallel::GradientBuckets> buckets_;
  std::vector<models::FlatRange> gradients_;  // sorted by parameter
};

}  // namespace r1::training
