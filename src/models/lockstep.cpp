#include "models/lockstep.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "models/weight_shards.h"

namespace r1::models {

Lockstep::Lockstep(const Model& model, Backward backward)
    : model_(model),
      backward_(std::move(backward)),
      gathers_(model.weight_shards() != nullptr && !model.weight_shards()->holds_all()),
      needed_(gathers_ ||
              model.axes().size(ModelAxis::Experts) > model.axes().size(ModelAxis::Tensor)) {}

bool Lockstep::anyone_works(bool i_work) {
  // Replicas that share experts are copies of the other weights.
  auto& ranks = gathers_ ? model_.weight_shards()->ranks() : model_.axes()[ModelAxis::Experts];
  return ranks.all_reduce_scalar(i_work ? 1.0 : 0.0, parallel::ReduceOp::Max,
                                 "another forward pass") > 0.0;
}

void Lockstep::begin_pass() {
  if (needed_) anyone_works(true);
}

void Lockstep::finish() {
  while (needed_ && anyone_works(false)) idle_pass();
  if (gathers_) model_.weight_shards()->release_all();
}

/// One token that stands for no sample: it visits experts, and has no part in any result.
void Lockstep::idle_pass() const {
  const auto token = at::zeros({1}, at::TensorOptions(model_.device()).dtype(at::kLong));
  const ModelInput input{
      token,
      token,
      {nn::make_packed_attention({{0, 1, -1}}, model_.dtype(), model_.device()), nullptr, {}},
      token};
  if (!backward_) {
    const at::NoGradGuard no_grad;
    model_.forward(input);
    return;
  }
  backward_(model_.forward(input).sum() * 0.0);
}

}  // namespace r1::models
