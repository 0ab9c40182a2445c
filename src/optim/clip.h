#pragma once
// Clipping by the gradient's global norm, and the guard against outliers.
#include <cstdint>
#include <string>
#include <vector>

namespace r1::optim {

/// What gradients are multiplied by: min(1, max_norm / (norm + 1e-6)); 1 when max_norm is 0.
/// Reference: torch.nn.utils.clip_grad_norm_.
double clip_scale(double norm, double max_norm);

/// What is known of an optimizer step before it is taken; equal on all ranks.
struct PendingStep {
  std::int64_t number = 0;
  double loss = 0.0;
  double gradient_norm = 0.0;  // of the whole model, before clipping
  /// Whether the step has something to learn from: in RL, whether any sample has an advantage.
  /// A step without one has the gradient of a KL or entropy term alone, which is thousands of times
  /// smaller.
  bool has_advantages = true;
};

/// Decides whether a step may be taken: its loss and gradient norm must be finite. With a factor
/// above 0, the norm of a step with advantages must not exceed `factor` x the median norm of the
/// earlier steps with advantages that were taken.
class OutlierGuard {
 public:
  /// `factor` 0: steps are judged by finiteness alone. `max_in_a_row`: skipped steps in a row at
  /// which judge() throws.
  OutlierGuard(double factor, std::int64_t max_in_a_row)
      : factor_(factor), max_in_a_row_(max_in_a_row) {}

  /// Empty: the step is to be taken. Else the reason for which it must be skipped: its number, its
  /// loss, its norm and the bound. Throws: NumericalError with the same text after max_in_a_row
  /// skipped steps in a row.
  std::string judge(const PendingStep& step);
  std::int64_t num_skipped() const { return num_skipped_; }

  /// What a continued run needs to decide as the first would have: belongs into checkpoints.
  struct State {
    std::vector<double> norms;  // of the last steps taken that had advantages, oldest first
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
