#include "training/trained_parameters.h"

#include <ATen/ATen.h>

#include <algorithm>

#include "kernels/sum_of_squares.h"
#include "models/weight_shards.h"
#include "parallel/gather_owned.h"
#include "tensor/dtype.h"

namespace r1::training {
namespace {

parallel::GradientSharding sharding(std::int64_t zero_stage) {
  using parallel::GradientSharding;
  return zero_stage == 0   ? GradientSharding::None
         : zero_stage == 1 ? GradientSharding::AfterReduction
                           : GradientSharding::Always;
}

std::vector<std::int64_t> units_of(const std::vector<models::Parameter>& parameters,
                                   const std::vector<std::size_t>& numbers) {
  std::vector<std::int64_t> units;
  for (const auto i : numbers) units.push_back(parameters[i].unit);
  return units;
}

std::vector<at::Tensor> values_of(const std::vector<models::Parameter>& parameters,
                                  const std::vector<std::size_t>& numbers) {
  std::vector<at::Tensor> values;
  for (const auto i : numbers) values.push_back(parameters[i].value);
  return values;
}

}  // namespace

TrainedParameters::TrainedParameters(const models::Model& model,
                                     std::vector<models::Parameter> parameters,
                                     const config::TrainerOptions& options,
                                     const WeightCopies& copies)
    : model_(model),
      parameters_(std::move(parameters)),
      copies_(copies),
      reduces_each_pass_(options.zero_stage >= 2 && copies.all->size() > 1),
      bucket_options_{
          model.dtype() == at::kDouble ? at::kDouble : tensor::parse_dtype(options.gradient_dtype),
          options.bucket_bytes(), sharding(options.zero_stage)},
      group_of_(parameters_.size(), 0) {
  for (auto& parameter : parameters_) parameter.value.requires_grad_(true);
  groups_ = make_groups(parameters_);
  std::vector<parallel::GradientGroup> groups;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    const auto& numbers = groups_[g].parameters;
    groups.push_back({groups_[g].ranks, values_of(parameters_, numbers), {}, {}});
    if (by_units()) groups.back().units = units_of(parameters_, numbers);
    for (const auto i : numbers) {
      group_of_[i] = g;
      groups.back().places.push_back(parameters_[i].trained ? i + parameters_.size() : i);
    }
  }
  buckets_ = std::make_unique<parallel::GradientBuckets>(std::move(groups), bucket_options_);
  for (std::size_t g = 0; g < groups_.size(); ++g)
    for (const auto& range : buckets_->partition(g).owned())
      gradients_.push_back({groups_[g].parameters[range.parameter], range.begin,
                            buckets_->owned(g).narrow(0, range.offset, range.size)});
  std::sort(gradients_.begin(), gradients_.end(),
            [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
  if (by_units())
    model_.weight_shards()->set_backward_listener(
        [this](std::int64_t unit) { buckets_->launch_through(unit); });
}

std::vector<TrainedParameters::Group> TrainedParameters::make_groups(
    const std::vector<models::Parameter>& parameters) const {
  std::vector<Group> groups;
  for (auto& group : models::group_by_copies(parameters, copies_.shares_experts()))
    groups.push_back({group.experts ? copies_.experts : copies_.all, std::move(group.parameters)});
  return groups;
}

std::vector<models::FlatRange> TrainedParameters::ranges_of(
    const std::vector<models::Parameter>& parameters, int all, int experts) const {
  std::vector<models::FlatRange> ranges;
  for (const auto& [ranks, numbers] : make_groups(parameters)) {
    const auto num_owners =
        bucket_options_.sharding == parallel::GradientSharding::None ? 1 : ranks->size();
    const auto owner = num_owners == 1 ? 0 : ranks == copies_.all ? all : experts;
    const auto values = values_of(parameters, numbers);
    const auto partition =
        by_units()
            ? parallel::FlatPartition(values, units_of(parameters, numbers), num_owners, owner)
            : parallel::FlatPartition(
                  values, bucket_options_.bucket_bytes,
                  static_cast<std::int64_t>(c10::elementSize(bucket_options_.dtype)), num_owners,
                  owner);
    for (const auto& range : partition.owned())
      ranges.push_back({numbers[range.parameter], range.begin,
                        parameters[numbers[range.parameter]].value.detach().view(-1).narrow(
                            0, range.begin, range.size)});
  }
  std::sort(ranges.begin(), ranges.end(),
            [](const auto& a, const auto& b) { return a.parameter < b.parameter; });
  return ranges;
}

std::optional<std::size_t> TrainedParameters::range_of(std::size_t parameter) const {
  const auto found =
      std::lower_bound(gradients_.begin(), gradients_.end(), parameter,
                       [](const auto& range, std::size_t i) { return range.parameter < i; });
  if (found == gradients_.end() || found->parameter != parameter) return std::nullopt;
  return static_cast<std::size_t>(found - gradients_.begin());
}

at::Tensor TrainedParameters::weights(const models::FlatRange& range) const {
  if (by_units() && range.parameter < model_.parameters().size())
    return model_.weight_shards()->kept(range.parameter, range.begin, range.values.numel());
  return parameters_[range.parameter].value.detach().view(-1).narrow(0, range.begin,
                                                                     range.values.numel());
}

bool TrainedParameters::is_sharded(const Group& group) const {
  return buckets_->partition(static_cast<std::size_t>(&group - groups_.data())).num_owners() > 1;
}

bool TrainedParameters::is_sharded(std::size_t parameter) const {
  return is_sharded(groups_[group_of_[parameter]]);
}

parallel::Communicator& TrainedParameters::replicas_of(std::size_t parameter) const {
  return *groups_[group_of_[parameter]].ranks;
}

/// Ranks have different numbers of micro-batches, and each of them reduces: the others join in.
/// Where weights are shared out, models::Lockstep makes the numbers equal.
bool TrainedParameters::anyone_passes(bool i_pass) const {
  return copies_.all->all_reduce_scalar(i_pass ? 1.0 : 0.0, parallel::ReduceOp::Max,
                                        "another micro-batch") > 0.0;
}

void TrainedParameters::backward(const at::Tensor& loss, bool last) {
  if (reduces_each_pass_ && !by_units()) anyone_passes(true);
  buckets_->begin_pass(last);
  loss.backward();
  if (by_units()) model_.weight_shards()->release_all();
  buckets_->end_pass();
}

void TrainedParameters::end_backward() {
  while (reduces_each_pass_ && !by_units() && anyone_passes(false)) {
    buckets_->begin_pass(false);
    buckets_->end_pass();
  }
  buckets_->launch();
}

void TrainedParameters::finish() {
  buckets_->finish();
  // Partial gradients are those of shared parameters.
  const auto& shared = groups_.front();
  models::sum_partial_gradients(parameters_, gradients_, buckets_->owned(0).options(),
                                model_.axes(),
                                is_sharded(shared) ? *shared.ranks : parallel::alone());
}

double TrainedParameters::own_squares(const Group& group) const {
  std::vector<at::Tensor> sums;
  for (const auto& range : gradients_) {
    if (&groups_[group_of_[range.parameter]] != &group) continue;
    const auto& parameter = parameters_[range.parameter];
    for (const auto& slice : parameter.slices)
      if (const auto part = models::part_of(range, parameter, slice);
          slice.copy == 0 && part.values.numel() > 0)
        sums.push_back(kernels::sum_of_squares(part.values));
  }
  return sums.empty() ? 0.0 : at::stack(sums).sum().item<double>();
}

double TrainedParameters::squared_norm() const {
  double mine = 0.0;
  for (const auto& group : groups_) {
    double squares = own_squares(group);
    if (is_sharded(group))
      squares = group.ranks->all_reduce_scalar(squares, parallel::ReduceOp::Sum,
                                               "gradient norm of shards");
    // All replicas have this sum now, and one of them counts.
    const bool split_over_experts = &group != &groups_.front();
    if (split_over_experts || models::counts_shared_parameters(model_.axes())) mine += squares;
  }
  return model_.axes()[parallel::ModelAxis::Experts].all_reduce_scalar(
      mine, parallel::ReduceOp::Sum, "gradient norm");
}

void TrainedParameters::gather_weights() {
  for (std::size_t g = 0; g < groups_.size(); ++g)
    parallel::gather_owned(buckets_->partition(g), values_of(parameters_, groups_[g].parameters),
                           *groups_[g].ranks);
}

}  // namespace r1::training
