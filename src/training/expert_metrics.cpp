#include "training/expert_metrics.h"

#include <ATen/ATen.h>

namespace r1::training {

void set_expert_metrics(metrics::StepMetrics& metrics, const at::Tensor& load) {
  if (!load.defined()) return;
  const auto wide = load.to(at::kDouble);
  const auto ratios = wide.amax(1) / wide.mean(1).clamp_min(1e-300);  // 0 where nothing was counted
  metrics.set("expert_load_max", ratios.max().item<double>());
  metrics.set("expert_idle_share", load.eq(0).to(at::kDouble).mean().item<double>());
}

void set_flip_metrics(metrics::StepMetrics& metrics, const at::Tensor& flips) {
  if (!flips.defined() || flips[0].item<std::int64_t>() == 0) return;
  const auto shares = flips.to(at::kDouble) / flips[0];
  metrics.set("router_flips", shares[1].item<double>());
  metrics.set("router_drift", shares[2].item<double>());
}

}  // namespace r1::training
