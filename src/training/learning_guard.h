#pragma once
// Notices a run that learns nothing: samples that nobody can score, updates that change no weight.
#include <cstdint>

#include "config/options.h"
#include "metrics/step_metrics.h"

namespace r1::training {

/// Counts steps in a row. Rewards that are rarely or never above zero are scored all the same, and
/// are no reason to stop before `run.max_idle_steps` steps without any gradient.
class LearningGuard {
 public:
  explicit LearningGuard(const config::RunOptions& options) : options_(options) {}

  /// `metrics`: reduced over all ranks; the metrics dropped_share (of samples without a readable
  /// gold answer or readable tests), reward/external.failed (share of samples that the external
  /// command did not answer), gradient_norm and learning_rate are read where they are set.
  /// Logs a warning after a tenth of max_idle_steps. Throws: InputError, with the step and what to
  /// change, if the command answered no sample of the first step, after max_lost_steps steps in a
  /// row with a larger share than max_lost_share, and after max_idle_steps steps in a row whose
  /// gradient or learning rate was zero.
  void step_done(std::int64_t step, const metrics::StepMetrics& metrics);

 private:
  void count_lost(std::int64_t step, double dropped, double failed);
  void count_idle(std::int64_t step, double gradient_norm, double learning_rate);

  config::RunOptions options_;
  std::int64_t num_steps_ = 0;  // since the start of the program
  std::int64_t num_lost_ = 0;   // in a row
  std::int64_t num_idle_ = 0;
};

}  // namespace r1::training
