#pragma once
// How evenly a step's tokens were spread over the experts, as metrics.
#include <ATen/core/Tensor.h>

#include "metrics/step_metrics.h"

namespace r1::training {

/// Sets expert_load_max, the load of the busiest expert over its layer's mean (the worst layer's),
/// and expert_idle_share, the experts without a token among all. `load`: int64 [layers, E] on the
/// CPU; undefined, of a model without experts: sets nothing.
void set_expert_metrics(metrics::StepMetrics& metrics, const at::Tensor& load);

}  // namespace r1::training
