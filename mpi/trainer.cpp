#include "trainer.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "checkpoint_model.h"
#include "models/split_model.h"
#include "optim/schedule.h"
#include "tensor/dtype.h"

namespace r1::mpi {
Trainer::Trainer(models::Model& model, std::vector<ExtraParameter> extra,
                 const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
                 const config::RunOptions& run, std::int64_t total_steps, const DataAxes& data)
    : model_(model),
      optimizer_options_(optimizer),
      optimizer_(optimizer),
      guard_(run.outlier_factor, run.max_bad_steps),
      data_(data),
      expert_bias_rate_(options.expert_bias_rate),
      total_steps_(total_steps) {
  model_.set_sequence_parallel(options.sequence_parallel);
  parameters_ = model_.parameters();
  for (auto& parameter : extra)
    parameters_.push_back(
        {parameter.value,
         {{parameter.name, 0, parameter.value.size(0), {}, {}, model.axes().tensor->rank()}},
         parameter.value.dim() > 1});
  for (auto& parameter : parameters_) {
    parameter.value.requires_grad_(true);
    optimizer_.add(parameter.value, parameter.decay);
  }
  model_.set_activation_checkpointing(options.activation_checkpointing != "none");
  const bool shares_experts = data.experts->size() < data.all->size();
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const std::size_t group = shares_experts && parameters_[i].expert ? 1 : 0;
    groups_.resize(std::max(groups_.size(), group + 1));
    places_.emplace_back(group, groups_[group].parameters.size());
    groups_[group].parameters.push_back(i);
  }
  const auto dtype =
      model.dtype() == at::kDouble ? at::kDouble : tensor::parse_dtype(options.gradient_dtype);
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    std::vector<at::Tensor> values;
    for (const auto i : groups_[g].parameters) values.push_back(parameters_[i].value);
    groups_[g].buckets = std::make_unique<parallel::GradientBuckets>(
        values, dtype, static_cast<std::int64_t>(options.bucket_mb * 1e6),
        g == 0 ? *data.all : *data.experts);
  }
}

at::Tensor Trainer::gradient(std::size_t parameter) const {
  const auto [group, index] = places_[parameter];
  return groups_[group].buckets->gradient(index);
}

void Trainer::start() {
  for (auto& group : groups_) group.buckets->start();
}

void Trainer::backward(const at::Tensor& loss, bool last) {
  if (last)
    for (auto& group : groups_) group.buckets->reduce_during_backward();
  loss.backward();
}

void Trainer::end_backward() {
  for (auto& group : groups_) group.buckets->launch();
}

/// Tokens of each expert in this step, over all ranks; undefined: no experts.
at::Tensor Trainer::global_expert_load() {
  auto load = model_.take_expert_load();
  if (!load.defined()) return load;
  for (auto* ranks : {data_.all, model_.axes().tensor})
    ranks->all_reduce(load, parallel::ReduceOp::Sum, "expert load").wait();
  return load;
}

/// Of the gradient of the whole model.
double Trainer::squared_norm() const {
  std::vector<at::Tensor> sums;
  for (std::size_t i = 0; i < parameters_.size(); ++i)
    for (const auto& slice : parameters_[i].slices)
      if (models::counts(parameters_[i], slice, model_.axes()))
        sums.push_back(optim::sum_of_squares(gradient(i).narrow(0, slice.row_begin, slice.rows)));
  const double mine = sums.empty() ? 0.0 : at::stack(sums).sum().item<double>();
  return model_.axes().experts->all_reduce_scalar(mine, parallel::ReduceOp::Sum, "gradient norm");
}

OptimizerStep Trainer::finish(double loss) {
  for (auto& group : groups_) group.buckets->finish();
  models::sum_partial_gradients(
      parameters_, [this](std::size_t i) { return gradient(i); }, model_.axes());
  OptimizerStep step;
  step.gradient_norm = std::sqrt(squared_norm());
  step.learning_rate = optim::learning_rate(
      optimizer_options_.schedule, optimizer_options_.learning_rate, num_steps_, total_steps_);
  const auto load = global_expert_load();
  if (load.defined()) step.expert_load = load.cpu();
  step.skipped = !guard_.accept(num_steps_, loss, step.gradient_norm);
  if (!step.skipped) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> gradients;
    for (std::size_t i = 0; i < parameters_.size(); ++i) gradients.push_back(gradient(i));
    optimizer_.step(gradients, step.learning_rate,
                    optim::clip_scale(step.gradient_norm, optimizer_options_.max_grad_norm));
    if (load.defined() && expert_bias_rate_ > 0.0) model_.balance_experts(load, expert_bias_rate_);
  }
  ++num_steps_;
  return step;
}

std::vector<checkpoint::ShardedTensor> Trainer::checkpoint_tensors() {
  std::vector<checkpoint::ShardedTensor> tensors;
  std::int64_t num_shared = 0, num_experts = 0;  // ranks hold different numbers of experts
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& slot = optimizer_.slots()[i];
    const bool expert = parameters_[i].expert;
    const auto& replicas = expert ? *data_.experts : *data_.all;
    auto& count = expert ? num_experts : num_shared;
    for (const auto& slice : parameters_[i].slices) {
      const bool writes = slice.copy == 0 && count++ % replicas.size() == replicas.rank();
      const auto add = [&](const std::string& prefix, const at::Tensor& values) {
        auto parameter = parameters_[i];
        parameter.value = values.detach().view(parameter.value.sizes());
        tensors.push_back(sharded_tensor(parameter, slice, prefix));
        tensors.back().replica = writes ? 0 : 1;
      };
      add("", slot.master);
      add("optimizer.exp_avg/", slot.exp_avg);
      add("optimizer.exp_avg_sq/", slot.exp_avg_sq);
    }
  }
  return tensors;
}

std::string Trainer::state() const {
  const auto guard = guard_.state();
  return nlohmann::json{
      {"num_steps", num_steps_},
      {"optimizer_steps", optimizer_.num_steps()},
      {"guard",
       {{"norms", guard.norms}, {"num_skipped", guard.num_skipped}, {"in_a_row", guard.in_a_row}}}}
      .dump();
}

void Trainer::restore_state(const std::string& state) {
  const auto json = nlohmann::json::parse(state);
  num_steps_ = json.at("num_steps");
  optimizer_.set_num_steps(json.at("optimizer_steps"));
  const auto& guard = json.at("guard");
  guard_.restore({guard.at("norms"), guard.at("num_skipped"), guard.at("in_a_row")});
}

void Trainer::refresh_model() {
  const at::NoGradGuard no_grad;
  for (auto& slot : optimizer_.slots())
    if (slot.model.defined()) slot.model.copy_(slot.master.view(slot.model.sizes()));
}

std::vector<models::Parameter> Trainer::masters() {
  auto masters = model_.parameters();
  for (std::size_t i = 0; i < masters.size(); ++i)
    masters[i].value = optimizer_.slots()[i].master.detach().view(masters[i].value.sizes());
  return masters;
}

std::unique_ptr<models::Model> Trainer::master_model(bool keep) {
  return models::gather_model(masters(), model_.shape(), model_.axes(), keep);
}

}  // namespace r1::mpi
