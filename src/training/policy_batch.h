#pragma once
// A mini-batch of the policy's update: the rows of one optimizer step that this replica holds, and
// the loss of a pass over some of them.
#include "algorithms/policy_loss.h"
#include "algorithms/value_loss.h"
#include "training/policy_update.h"
#include "training/rollout_metrics.h"
#include "training/training_rows.h"

namespace r1::training {

struct MiniBatch {
  std::vector<const TrainingRow*> rows;       // those that are in the loss
  std::vector<data::TrainingSample> samples;  // their tokens
  algorithms::LossDenominators denominators;  // of all replicas
  bool has_advantages = false;                // of any row of all replicas
};

/// Gathers rows and counts them over all replicas. Collective over: replicas.
MiniBatch make_mini_batch(const std::vector<const TrainingRow*>& rows,
                          parallel::Communicator& replicas);

/// Sums over passes and replicas that become metrics.
struct LossSums {
  LossSums();
  LossSums& operator+=(const LossSums& other);
  /// The same without what the losses add up to.
  LossSums without_losses() const;
  /// Collective over: replicas.
  void reduce(parallel::Communicator& replicas);

  at::Tensor policy;  // algorithms::PolicySum
  at::Tensor value;   // algorithms::ValueSum
  double loss = 0.0;
};

/// The part of the mini-batch's loss that the pass is, a scalar; adds to `sums`. Rows without old
/// log-probabilities take those of this pass, which are compared with the generator's then.
at::Tensor policy_pass_loss(const Pass& pass, const MiniBatch& mini_batch,
                            const ValueHead* value_head, const PolicyUpdateOptions& options,
                            LossSums& sums, GeneratorMismatch& mismatch);

}  // namespace r1::training
