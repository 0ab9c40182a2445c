#pragma once
// Clipping by the global gradient norm, and the outlier guard, which refuses harmful steps.
#include <cstdint>
#include <string>
#include <vector>

namespace r1::optim {

/// Returns the factor for the gradients: min(1, max_norm / (norm + 1e-6)), or 1 if max_norm is 0.
/// Reference: torch.nn.utils.clip_grad_norm_.
double clip_scale(double norm, double max_norm);

/// The state of an optimizer step before it is taken; equal on all ranks.
struct PendingStep {
  std::int64_t number = 0;
  double loss = 0.0;
  double gradient_norm = 0.0;  // norm of the whole model's gradient, before clipping
  /// Whether the step has a learning signal: in RL, whether any sample has an advantage. A step
  /// without advantages has only the gradient of a KL or entropy term, which is thousands of times
  /// smaller.
  bool has_advantages = true;
};

/// Decides whether a step may be taken. Loss and gradient norm must be finite. With a factor above
/// 0, the norm of a step with advantages must also not exceed `factor` times the median norm of
/// earlier taken steps with advantages.
class OutlierGuard {
 public:
  /// `factor` 0: only the check for finite values applies. `max_in_a_row`: number of consecutive
  /// skipped steps at which judge() throws.
  OutlierGuard(double factor, std::int64_t max_in_a_row)
      : factor_(factor), max_in_a_row_(max_in_a_row) {}

  /// Returns an empty text if the step may be taken, else the reason to skip the step: its number,
  /// loss, norm and the bound. Throws: NumericalError with the same text after max_in_a_row
  /// consecutive skipped steps.
  std::string judge(const PendingStep& step);
  std::int64_t num_skipped() const { return num_skipped_; }

  /// The state that a continued run needs to make the same decisions; part of checkpoints.
  struct State {
    std::vector<double> norms;  // of the last taken steps with advantages, oldest first
    std::int64_t num_skipped = 0;
    std::int64_t in_a_row = 0;
  };
  State state() const { return {norms_, num_skipped_, in_a_row_}; }
  void restore(const State& state);

 private:
  double bound() const;

  double factor_;
  std::int64_t max_in_a_row_;
  std::vector<double> norms_;
  std::int64_t num_skipped_ = 0;
  std::int64_t in_a_row_ = 0;
};

}  // namespace r1::optim
