#include "models/offloaded_weights.h"

#include <ATen/ATen.h>
#include <ATen/core/grad_mode.h>

#include "tensor/host_memory.h"

namespace r1::models {

OffloadedWeights::OffloadedWeights(Model& model) : model_(model) {
  const at::NoGradGuard no_grad;
  for (auto& parameter : model_.parameters()) {
    const auto& value = parameter.value;
    const auto host = tensor::host_memory(value.sizes(), value.scalar_type(), model_.device());
    host_.push_back(host.copy_(value));
    parameter.value.set_data(host_.back());
  }
}

OffloadedWeights::Use::Use(OffloadedWeights& weights) : weights_(weights) {
  const at::NoGradGuard no_grad;
  for (std::size_t i = 0; i < weights_.host_.size(); ++i) {
    const auto& host = weights_.host_[i];
    auto value = at::empty(host.sizes(),
                           host.options().device(weights_.model_.device()).pinned_memory(false));
    value.copy_(host, /*non_blocking=*/true);  // the computation is behind it on the same stream
    weights_.model_.parameters()[i].value.set_data(value);
  }
}

OffloadedWeights::Use::~Use() {
  for (std::size_t i = 0; i < weights_.host_.size(); ++i)
    weights_.model_.parameters()[i].value.set_data(weights_.host_[i]);
}

}  // namespace r1::models
