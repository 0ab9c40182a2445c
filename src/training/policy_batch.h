#pragma once
// A mini-batch of the policy's update: the rows of one optimizer step that this replica holds, and
// the loss of a pass over some of the rows.
#include "algorithms/policy_loss.h"
#include "algorithms/value_loss.h"
#include "training/policy_update.h"
#include "training/rollout_metrics.h"
#include "training/training_rows.h"

namespace r1::training {

struct MiniBatch {
  std::vector<const TrainingRow*> rows;       // rows whose tokens enter the loss
  std::vector<data::TrainingSample> samples;  // the tokens of `rows`, in the same order
  algorithms::LossDenominators denominators;  // counted over all replicas
  bool has_advantages = false;                // whether any row of any replica has an advantage
};

/// Gathers the rows of the loss and counts tokens and rows over all replicas. Collective over:
/// replicas.
MiniBatch make_mini_batch(const std::vector<const TrainingRow*>& rows,
                          parallel::Communicator& replicas);

/// Sums and the largest ratio over passes and replicas. The metrics are computed from these.
struct LossSums {
  LossSums();
  LossSums& operator+=(const LossSums& other);
  /// Returns a copy that keeps only the sums of the policy's metrics, without the losses and the
  /// sums of the value head.
  LossSums without_losses() const;
  /// Adds the sums of all replicas and takes the largest of their ratios. Collective over:
  /// replicas.
  void reduce(parallel::Communicator& replicas);

  at::Tensor policy;  // algorithms::PolicySum
  at::Tensor value;   // algorithms::ValueSum
  double loss = 0.0;
  double largest_ratio = 0.0;
};

/// Returns the pass's part of the mini-batch's loss, a scalar, and adds the pass's sums to `sums`.
/// Rows without old log-probabilities take the log-probabilities of this pass as the old ones. In
/// this case the function also adds the pass's difference from the generator's log-probabilities to
/// `mismatch`.
at::Tensor policy_pass_loss(const Pass& pass, const MiniBatch& mini_batch,
                            const ValueHead* value_head, const PolicyUpdateOptions& options,
                            LossSums& sums, GeneratorMismatch& mismatch);

}  // namespace r1::training
