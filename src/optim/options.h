#pragma once
// Options of the optimizer and of the learning rate. The defaults are the guide's values for RL
// stage 1.
#include <cstdint>
#include <string>

#include "base/errors.h"
#include "base/options.h"

namespace r1::optim {

/// [optimizer.schedule]: the learning rate as a function of optimizer steps.
struct ScheduleOptions {
  std::string kind = "constant";
  std::int64_t warmup_steps = 0;
  double min_ratio = 0.0;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

/// [optimizer]: AdamW and clipping.
struct OptimizerOptions {
  double learning_rate = 1e-6;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  double weight_decay = 0.0;
  double max_grad_norm = 0.0;
  ScheduleOptions schedule;

  void visit(base::OptionVisitor& v);
  void check(const std::string& key, base::Problems& problems) const;
};

}  // namespace r1::optim
