#pragma once
// One step's update of the policy: mini-batches, micro-batches, losses, metrics.
#include "algorithms/policy_loss.h"
#include "algorithms/value_loss.h"
#include "metrics/aggregate.h"
#include "roles/policy.h"
#include "training/training_rows.h"

namespace r1::mpi {

class PolicyUpdate {
 public:
  PolicyUpdate(Policy& policy, std::vector<data::Rollout> rollouts, std::int64_t step);
  metrics::Row run(std::span<const data::TrainingSample> coldstart);

 private:
  struct Losses {
    at::Tensor policy_sums, value_sums;
    double loss = 0.0;
  };
  void compute_old();  // old log-probs and values by a pass without gradients
  /// The rows of one mini-batch that this rank owns.
  std::vector<std::int64_t> local_rows(const std::vector<std::int64_t>& order, std::int64_t begin,
                                       std::int64_t end) const;
  void optimize(const std::vector<std::int64_t>& rows,
                std::span<const data::TrainingSample> coldstart);
  /// Gradients of one micro-batch; `last`: no other follows in the step.
  void train_micro_batch(const data::MicroBatch& batch, const std::vector<std::int64_t>& rows,
                         bool last, Losses& sums);
  /// Gradients of this rank's part of the supervised samples; their loss.
  double train_coldstart(std::span<const data::TrainingSample> samples, models::Lockstep& lockstep);
  void note_mismatch(const at::Tensor& logprobs, const at::Tensor& sampled);
  void fill_metrics(metrics::Row& row);
  double all_sum(double value, const char* label) const;

  Policy& policy_;
  Run& run_;
  const config::Config& config_;
  std::vector<data::Rollout> rollouts_;
  std::int64_t step_;
  std::vector<training::TrainingRow> rows_;
  algorithms::LossDenominators denominators_;  // of the mini-batch
  bool old_is_new_ =
      false;  // one optimizer step per rollout: the first pass's log-probs are the old ones
  bool samples_are_older_ = false;   // than the weights: old log-probs are the generator's
  std::int64_t version_before_ = 0;  // of the weights at the beginning of the step
  at::Tensor policy_sums_, value_sums_;
  at::Tensor expert_load_;  // of all updates; undefined: no experts
  double mismatch_sum_ = 0.0, mismatch_exp_ = 0.0, mismatch_max_ = 0.0, mismatch_count_ = 0.0;
  training::GroupCounts groups_;
  double coldstart_loss_ = 0.0, grad_norm_ = 0.0, learning_rate_ = 0.0;
  double loss_sum_ = 0.0;
  double over_ratio_tokens_ = 0.0;  // of mini-batches that were left out
  std::int64_t num_over_ratio_ = 0;
  std::int64_t num_updates_ = 0, epochs_done_ = 0;
};

}  // namespace r1::mpi
