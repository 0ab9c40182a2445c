#pragma once
// Metrics of how evenly a step's tokens were spread over the experts of a mixture-of-experts model.
#include <ATen/core/Tensor.h>

#include "metrics/step_metrics.h"

namespace r1::training {

/// Sets expert_load_max and expert_idle_share. expert_load_max is the load of a layer's busiest
/// expert divided by the layer's mean load, and the worst layer counts. expert_idle_share is the
/// share of all experts that received no token. `load`: int64 [layers, E] on the CPU. A model
/// without experts has an undefined `load`, and the function then sets nothing.
void set_expert_metrics(metrics::StepMetrics& metrics, const at::Tensor& load);

/// Sets router_flips and router_drift: of the experts that the sampler visited, the share that the
/// update did not visit, and the share that its routers would not have chosen. `flips`: int64 [3]
/// on the CPU (nn::routing_flips); undefined or without counts: nothing is set.
void set_flip_metrics(metrics::StepMetrics& metrics, const at::Tensor& flips);

}  // namespace r1::training
