#include "training/trainer.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/log.h"
#include "models/adapters.h"
#include "models/sharded_parameter.h"
#include "models/split_model.h"
#include "models/weight_shards.h"
#include "optim/schedule.h"
#include "tensor/dtype.h"

namespace r1::training {
namespace {

std::vector<models::Parameter> joined(const models::Model& model,
                                      const std::vector<ExtraParameter>& extra) {
  auto parameters = model.trained_parameters();
  for (const auto& parameter : extra)
    parameters.push_back({parameter.value,
                          {{parameter.name,
                            0,
                            parameter.value.size(0),
                            {},
                            {},
                            model.axes().rank(parallel::ModelAxis::Tensor)}},
                          parameter.value.dim() > 1});
  return parameters;
}

/// The boxes of flat ranges; of boxes that several ranks of the tensor axis hold, the first copy.
std::vector<checkpoint::ShardedTensor> tensors_to_export(
    const std::vector<models::Parameter>& parameters,
    const std::vector<models::FlatRange>& ranges) {
  std::vector<checkpoint::ShardedTensor> tensors;
  for (const auto& range : ranges)
    for (const auto& slice : parameters[range.parameter].slices)
      if (auto tensor = models::sharded_tensor(range, parameters[range.parameter], slice);
          slice.copy == 0 && !tensor.boxes.empty())
        tensors.push_back(std::move(tensor));
  return tensors;
}

models::Model& prepared(models::Model& model, const config::TrainerOptions& options,
                        const WeightCopies& copies) {
  model.set_sequence_parallel(options.sequence_parallel);
  const auto& recompute = options.activation_checkpointing;
  model.set_activation_checkpointing(recompute == "full"        ? models::Recompute::Layer
                                     : recompute == "offload"   ? models::Recompute::LayerFromHost
                                     : recompute == "selective" ? models::Recompute::FeedForward
                                                                : models::Recompute::Nothing);
  if (options.shares_out_weights()) model.share_out_weights(copies);
  return model;
}

}  // namespace

Trainer::Trainer(models::Model& model, const std::vector<ExtraParameter>& extra,
                 const optim::OptimizerOptions& optimizer, const config::TrainerOptions& options,
                 const config::RunOptions& run, std::int64_t total_steps,
                 const WeightCopies& copies)
    : model_(prepared(model, options, copies)),
      extra_(extra),
      parameters_(model, joined(model, extra), options, copies),
      optimizer_options_(optimizer),
      optimizer_(optimizer),
      guard_(run.outlier_factor, run.max_bad_steps),
      copies_(copies),
      expert_bias_rate_(options.expert_bias_rate),
      total_steps_(total_steps) {
  if (!model.adapters().empty()) base_ = models::base_fingerprint(model);
  for (const auto& range : parameters_.gradients()) {
    const auto& parameter = parameters_.parameters()[range.parameter];
    optimizer_.add(parameters_.weights(range), parameter.decay,
                   options.offloads_optimizer() && parameter.trained
                       ? optim::StatePlace::Host
                       : optim::StatePlace::WithModel);
  }
}

/// Counts of this step over all ranks; undefined: no experts.
at::Tensor Trainer::sum_over_ranks(at::Tensor counts, const char* label) {
  if (!counts.defined()) return counts;
  for (auto* ranks : {copies_.all, &model_.axes()[parallel::ModelAxis::Tensor]})
    ranks->all_reduce(counts, parallel::ReduceOp::Sum, label).wait();
  return counts;
}

OptimizerStep Trainer::finish(double loss, bool has_advantages) {
  parameters_.finish();
  OptimizerStep step;
  step.gradient_norm = std::sqrt(parameters_.squared_norm());
  step.learning_rate = optim::learning_rate(
      optimizer_options_.schedule, optimizer_options_.learning_rate, num_steps_, total_steps_);
  const auto load = sum_over_ranks(model_.take_expert_load(), "expert load");
  const auto flips = sum_over_ranks(model_.take_routing_flips(), "routing flips");
  if (load.defined()) step.expert_load = load.cpu();
  if (flips.defined()) step.routing_flips = flips.cpu();
  const auto problem = guard_.judge({num_steps_, loss, step.gradient_norm, has_advantages});
  step.skipped = !problem.empty();
  if (step.skipped && copies_.all->rank() == 0 &&
      model_.axes().rank(parallel::ModelAxis::Tensor) == 0)
    base::log_warning("{}; the step is skipped", problem);
  if (!step.skipped) {
    const at::NoGradGuard no_grad;
    std::vector<at::Tensor> gradients;
    for (const auto& range : parameters_.gradients()) gradients.push_back(range.values);
    optimizer_.step(gradients, step.learning_rate,
                    optim::clip_scale(step.gradient_norm, optimizer_options_.max_grad_norm));
    parameters_.gather_weights();
    if (load.defined() && expert_bias_rate_ > 0.0) model_.balance_experts(load, expert_bias_rate_);
  }
  ++num_steps_;
  return step;
}

void Trainer::discard() {
  parameters_.finish();
  model_.take_expert_load();
  model_.take_routing_flips();
  ++num_steps_;
}

std::vector<checkpoint::ShardedTensor> Trainer::checkpoint_tensors() {
  std::vector<checkpoint::ShardedTensor> tensors;
  std::int64_t num_shared = 0, num_experts = 0;  // ranks hold different numbers of experts
  for (std::size_t r = 0; r < parameters_.gradients().size(); ++r) {
    const auto& range = parameters_.gradients()[r];
    const auto& parameter = parameters_.parameters()[range.parameter];
    const auto& slot = optimizer_.slots()[r];
    const auto& replicas = parameters_.replicas_of(range.parameter);
    auto& count = parameter.expert ? num_experts : num_shared;
    for (const auto& slice : parameter.slices) {
      const bool my_turn =
          parameters_.is_sharded(range.parameter) || count++ % replicas.size() == replicas.rank();
      const auto add = [&](const std::string& prefix, const at::Tensor& values) {
        auto tensor = models::sharded_tensor({range.parameter, range.begin, values}, parameter,
                                             slice, prefix);
        tensor.replica = slice.copy == 0 && my_turn ? 0 : 1;
        if (!tensor.boxes.empty()) tensors.push_back(std::move(tensor));
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
  nlohmann::json state{
      {"num_steps", num_steps_},
      {"optimizer_steps", optimizer_.num_steps()},
      {"guard",
       {{"norms", guard.norms}, {"num_skipped", guard.num_skipped}, {"in_a_row", guard.in_a_row}}}};
  if (base_)
    state["base"] = {{"fingerprint", *base_}, {"dtype", tensor::dtype_name(model_.dtype())}};
  return state.dump();
}

void Trainer::restore_state(const std::string& state) {
  const auto json = nlohmann::json::parse(state);
  // The fingerprint is one of bits, so it says nothing about weights of another dtype.
  if (base_ && json.contains("base") &&
      json["base"].at("dtype") == tensor::dtype_name(model_.dtype()) &&
      json["base"].at("fingerprint") != *base_)
    throw base::InputError(
        "model.path: the checkpoint's adapters belong to a base with other weights: expected the "
        "model with which the run began");
  num_steps_ = json.at("num_steps");
  optimizer_.set_num_steps(json.at("optimizer_steps"));
  const auto& guard = json.at("guard");
  guard_.restore({guard.at("norms"), guard.at("num_skipped"), guard.at("in_a_row")});
}

void Trainer::refresh_model() {
  const at::NoGradGuard no_grad;
  for (auto& slot : optimizer_.slots())
    if (slot.model.defined()) slot.model.copy_(slot.master);
  parameters_.gather_weights();
}

at::Tensor Trainer::master(std::size_t parameter) const {
  const auto& weights = parameters_.parameters()[parameter].value;
  auto whole =
      at::zeros(weights.sizes(), weights.options().requires_grad(false).dtype(master_dtype()));
  if (const auto r = parameters_.range_of(parameter)) {
    const auto& slot = optimizer_.slots()[*r];
    whole.view(-1)
        .narrow(0, parameters_.gradients()[*r].begin, slot.master.numel())
        .copy_(slot.master);
  }
  if (parameters_.is_sharded(parameter))
    parameters_.replicas_of(parameter)
        .all_reduce(whole, parallel::ReduceOp::Sum, "master weights")
        .wait();
  return whole;
}

void Trainer::set_master(std::size_t parameter, const at::Tensor& values) {
  const at::NoGradGuard no_grad;
  if (const auto r = parameters_.range_of(parameter)) {
    auto& master = optimizer_.slots()[*r].master;
    master.copy_(values.reshape(-1).narrow(0, parameters_.gradients()[*r].begin, master.numel()));
  }
  if (auto* const shards = model_.weight_shards())
    shards->set(parameter, values);
  else
    parameters_.parameters()[parameter].value.detach().copy_(values);
}

std::vector<checkpoint::ShardedTensor> Trainer::master_tensors() const {
  std::vector<models::FlatRange> masters;
  for (std::size_t r = 0; r < parameters_.gradients().size(); ++r)
    masters.push_back({parameters_.gradients()[r].parameter, parameters_.gradients()[r].begin,
                       optimizer_.slots()[r].master});
  return tensors_to_export(parameters_.parameters(), masters);
}

std::vector<checkpoint::ShardedTensor> Trainer::master_tensors_of(const models::Model& model,
                                                                  int all, int experts) const {
  const auto parameters = joined(model, extra_);
  return tensors_to_export(parameters, parameters_.ranges_of(parameters, all, experts));
}

}  // namespace r1::training
