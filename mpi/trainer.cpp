#include "trainer.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "models/registry.h"
#include "optim/schedule.h"
#include "tensor/dtype.h"

namespace r1::mpi {
namespace {

std::vector<at::Tensor> values_of(const std::vector<models::Parameter>& parameters) {
  std::vector<at::Tensor> values;
  for (const auto& parameter : parameters) values.push_back(parameter.value);
  return values;
}

}  // namespace

Trainer::Trainer(models::Model& model, std::vector<ExtraParameter> extra,
                 const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
                 const config::RunOptions& run, std::int64_t total_steps,
                 parallel::Communicator& data_parallel)
    : model_(model),
      parameters_(model.parameters()),
      optimizer_options_(optimizer),
      optimizer_(optimizer),
      guard_(run.outlier_factor, run.max_bad_steps),
      data_parallel_(data_parallel),
      expert_bias_rate_(options.expert_bias_rate),
      total_steps_(total_steps) {
  for (auto& parameter : extra)
    parameters_.push_back({parameter.value,
                           {{parameter.name, 0, parameter.value.size(0)}},
                           parameter.value.dim() > 1});
  for (auto& parameter : parameters_) {
    parameter.value.requires_grad_(true);
    optimizer_.add(parameter.value, parameter.decay);
  }
  model_.set_activation_checkpointing(options.activation_checkpointing != "none");
  const auto dtype =
      model.dtype() == at::kDouble ? at::kDouble : tensor::parse_dtype(options.gradient_dtype);
  buckets_ = std::make_unique<parallel::GradientBuckets>(
      values_of(parameters_), dtype, static_cast<std::int64_t>(options.bucket_mb * 1e6),
      data_parallel_);
}

void Trainer::start() {
  buckets_->start();
}

void Trainer::backward(const at::Tensor& loss, bool last) {
  if (last) buckets_->reduce_during_backward();
  loss.backward();
}

/// Tokens of each expert in this step, over all ranks; undefined: no experts.
at::Tensor Trainer::global_expert_load() {
  auto load = model_.take_expert_load();
  if (load.defined())
    data_parallel_.all_reduce(load, parallel::ReduceOp::Sum, "expert load").wait();
  return load;
}

OptimizerStep Trainer::finish(double loss) {
  buckets_->finish();
  std::vector<at::Tensor> gradients;
  double squares = 0.0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    gradients.push_back(buckets_->gradient(i));
    squares += optim::sum_of_squares(gradients.back()).item<double>();
  }
  OptimizerStep step;
  step.gradient_norm = std::sqrt(squares);
  step.learning_rate = optim::learning_rate(
      optimizer_options_.schedule, optimizer_options_.learning_rate, num_steps_, total_steps_);
  const auto load = global_expert_load();
  if (load.defined()) step.expert_load = load.cpu();
  step.skipped = !guard_.accept(num_steps_, loss, step.gradient_norm);
  if (!step.skipped) {
    const at::NoGradGuard no_grad;
    optimizer_.step(gradients, step.learning_rate,
                    optim::clip_scale(step.gradient_norm, optimizer_options_.max_grad_norm));
    if (load.defined() && expert_bias_rate_ > 0.0) model_.balance_experts(load, expert_bias_rate_);
  }
  ++num_steps_;
  return step;
}

std::vector<checkpoint::ShardedTensor> Trainer::checkpoint_tensors() {
  std::vector<checkpoint::ShardedTensor> tensors;
  std::size_t count = 0;
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    auto& slot = optimizer_.slots()[i];
    for (const auto& slice : parameters_[i].slices) {
      const auto add = [&](const std::string& prefix, const at::Tensor& values) {
        auto tensor = checkpoint::whole_tensor(prefix + slice.name,
                                               values.detach()
                                                   .view(parameters_[i].value.sizes())
                                                   .narrow(0, slice.row_begin, slice.rows));
        tensor.replica =
            static_cast<int>(count % static_cast<std::size_t>(data_parallel_.size())) ==
                    data_parallel_.rank()
                ? 0
                : 1;
        tensors.push_back(std::move(tensor));
      };
      add("", slot.master);
      add("optimizer.exp_avg/", slot.exp_avg);
      add("optimizer.exp_avg_sq/", slot.exp_avg_sq);
      ++count;
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

std::unique_ptr<models::Model> Trainer::master_model() {
  const at::NoGradGuard no_grad;
  auto full =
      models::make_model(model_.shape(), optimizer_.slots().front().master.scalar_type(), at::kCPU);
  const auto values = masters();
  for (std::size_t i = 0; i < values.size(); ++i)
    full->parameters()[i].value.copy_(values[i].value);
  return full;
}

}  // namespace r1::mpi
