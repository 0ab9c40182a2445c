#include "training/learning_guard.h"

#include <algorithm>

#include "base/errors.h"
#include "base/log.h"

namespace r1::training {

void LearningGuard::step_done(std::int64_t step, const metrics::StepMetrics& metrics) {
  ++num_steps_;
  count_lost(step, metrics.number("dropped_share").value_or(0.0),
             metrics.number("reward/external.failed").value_or(0.0));
  const auto gradient_norm = metrics.number("gradient_norm");
  if (gradient_norm)
    count_idle(step, *gradient_norm, metrics.number("learning_rate").value_or(1.0));
}

void LearningGuard::count_lost(std::int64_t step, double dropped, double failed) {
  const double share = std::max(dropped, failed);
  num_lost_ = share > options_.max_lost_share ? num_lost_ + 1 : 0;
  // A command that fails for all samples of a step fails for all that follow, each after a timeout.
  const bool never_answered = num_steps_ == 1 && failed == 1.0;
  if (num_lost_ < options_.max_lost_steps && !never_answered) return;
  if (failed >= dropped)
    throw base::InputError(fmt::format(
        "step {}: rewards.external.command answered {:.0f} % of the samples: nothing can be learnt "
        "from the others; start the command by hand with one line of JSON (src/rewards/README.md), "
        "or raise rewards.external.timeout; run.max_lost_share and run.max_lost_steps allow more",
        step, 100.0 * (1.0 - failed)));
  throw base::InputError(fmt::format(
      "step {}: {:.0f} % of the samples could not be scored in {} steps in a row, because their "
      "records have no readable gold answer: data.answer_fields names the field of the answers; "
      "run.max_lost_share and run.max_lost_steps allow more",
      step, 100.0 * dropped, num_lost_));
}

void LearningGuard::count_idle(std::int64_t step, double gradient_norm, double learning_rate) {
  const bool idle = gradient_norm == 0.0 || learning_rate == 0.0;
  num_idle_ = idle ? num_idle_ + 1 : 0;
  if (!idle || options_.max_idle_steps == 0) return;
  const char* reason = learning_rate == 0.0
                           ? "the learning rate is 0 (optimizer)"
                           : "the gradient is 0: all rewards of a group are equal, or every "
                             "sample is masked (rl.overlong, rewards)";
  if (num_idle_ >= options_.max_idle_steps)
    throw base::InputError(fmt::format(
        "step {}: no weight has changed in {} steps in a row: {}; run.max_idle_steps allows more",
        step, num_idle_, reason));
  constexpr std::int64_t kPartOfLimit = 10;
  if (num_idle_ == std::max<std::int64_t>(1, options_.max_idle_steps / kPartOfLimit))
    base::log_warning("step {}: no weight has changed in {} steps in a row: {}", step, num_idle_,
                      reason);
}

}  // namespace r1::training
