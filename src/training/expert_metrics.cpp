#include "training/expert_metrics.h"

#include <ATen/ATen.h>

namespace r1::training {

void set_expert_metrics(metrics::Row& row, const at::Tensor& load) {
  if (!load.defined()) return;
  const auto wide = load.to(at::kDouble);
  const auto ratios = wide.amax(1) / wide.mean(1).clamp_min(1e-300);  // 0 where nothing was counted
  row.set("expert_load_max", ratios.max().item<double>());
  row.set("expert_idle_share", load.eq(0).to(at::kDouble).mean().item<double>());
}

}  // namespace r1::training
