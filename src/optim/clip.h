#pragma once
// Clipping by the gradient's global norm, and the guard against outliers.
#include <cstdint>
#include <vector>

namespace r1::optim {

/// What gradients are multiplied by: min(1, max_norm / (norm + 1e-6)); 1 when max_norm is 0.
/// Reference: torch.nn.utils.clip_grad_norm_.
double clip_scale(double norm, double max_norm);

/// Decides whether a step may be taken: loss and norm must be finite, and the norm not above
/// `factor` x the median of the last accepted ones. All ranks must pass the same global values.
class OutlierGuard {
 public:
  /// factor 0: only finiteness. Throws at the `max_in_a_row`-th skipped step running.
  OutlierGuard(double factor, std::int64_t max_in_a_row)
      : factor_(factor), max_in_a_row_(max_in_a_row) {}

  /// True: take the step. False: skip it. Throws: NumericalError naming the step, the quantity and
  /// the bound, after max_in_a_row skips running.
  bool accept(std::int64_t step, double loss, double norm);
  std::int64_t num_skipped() const { return num_skipped_; }

  /// What a continued run needs to decide as the first would have: belongs into checkpoints.
  struct State {
    std::vector<double> norms;  // the last accepted, oldest first
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
