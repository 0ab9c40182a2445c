#include "optim/options.h"

#include "base/ranges.h"

namespace r1::optim {

void ScheduleOptions::visit(base::OptionVisitor& v) {
  v.choice(
      "kind", kind, {"constant", "linear", "cosine", "cosine_min"},
      "after warm-up: constant (guide: RL, distillation); linear to 0 (guide: SFT); cosine to 0; "
      "cosine_min to min_ratio x peak (R1: SFT 5e-5 to 5e-6)");
  v("warmup_steps", warmup_steps,
    "optimizer steps from 0 to the peak; the first one has rate 0 (guide: SFT 100)");
  v("min_ratio", min_ratio, "cosine_min: last rate / peak (R1: 0.1)");
}

void ScheduleOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".warmup_steps", warmup_steps, 0);
  problems.require(min_ratio >= 0.0 && min_ratio <= 1.0, key + ".min_ratio", "expected in [0, 1]");
  problems.require(min_ratio == 0.0 || kind == "cosine_min", key + ".min_ratio",
                   "only kind = \"cosine_min\" reads it");
}

void OptimizerOptions::visit(base::OptionVisitor& v) {
  v("learning_rate", learning_rate,
    "peak (guide: RL 1 1e-6, RL 2 5e-7, cold start 1e-5, SFT and distillation 2e-5; R1: RL 3e-6)");
  v("beta1", beta1, "decay of the gradient's mean");
  v("beta2", beta2, "decay of the squared gradient's mean");
  v("epsilon", epsilon, "added to the root of the squared gradient's mean");
  v("weight_decay", weight_decay,
    "AdamW's decay of weights, none for norms and biases (guide: distillation 0.01, else 0)");
  v("max_grad_norm", max_grad_norm,
    "the gradient's global norm is clipped to this; 0: no clipping (guide: SFT 1.0, else none)");
  v.section("schedule", schedule, "learning rate over optimizer steps");
}

void OptimizerOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".learning_rate", learning_rate, 0);
  problems.require(beta1 >= 0.0 && beta1 < 1.0, key + ".beta1", "expected in [0, 1)");
  problems.require(beta2 >= 0.0 && beta2 < 1.0, key + ".beta2", "expected in [0, 1)");
  base::require_above(problems, key + ".epsilon", epsilon, 0);
  base::require_at_least(problems, key + ".weight_decay", weight_decay, 0);
  base::require_at_least(problems, key + ".max_grad_norm", max_grad_norm, 0, " (0: no clipping)");
  schedule.check(key + ".schedule", problems);
}

}  // namespace r1::optim
