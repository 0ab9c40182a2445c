#pragma once
// The schedule of sampling in RL: when the rollouts of a step are sampled.
//
//   staleness 0   sample s | update s | sample s+1 | update s+1 | …
//   staleness 1   sample s | update s   | update s+1 | …
//                          | sample s+1 | sample s+2 | …
//
// With staleness 1 the samples of a step come from the weights before the last update. On separate
// generation ranks ([roles] generate_ranks) the samples are drawn and scored while this update
// runs; on shared ranks they are drawn right before the update, with the same results. A checkpoint
// holds the older weights, and a continued run draws the samples of its first step again.
//
// With rl.partial_rollouts the prompts of further steps (config::partial_schedule) are sampled
// along with those of the step, until the step has its number of groups of which every sample is
// finished (generation/group_selection.h). What is unfinished then goes on in the next step with
// newer weights. On separate generation ranks the samples of the next step are drawn while this
// update runs, as above; on shared ranks a step samples with its own weights. A checkpoint holds
// the open groups (roles/open_groups.h).
#include "config/stage_roles.h"
#include "roles/policy.h"
#include "roles/reference.h"
#include "roles/reward.h"
#include "stages/dynamic_sampling.h"

namespace r1::mpi {

/// All calls are collective over: world.
class StepSampling {
 public:
  StepSampling(const Run& run, Policy& policy, RewardRole& reward, Reference& reference,
               DynamicSampling& prompts);

  /// Call before the first step after the program's start.
  void begin(std::int64_t step);
  /// Returns the rollouts of the step that this rank owns, with final rewards: the scores minus the
  /// penalty of rl.overlong.
  std::vector<data::Rollout> rollouts(std::int64_t step);
  /// Samples further prompts of the step (staleness 0).
  std::vector<data::Rollout> more(std::span<const data::Prompt> prompts, std::int64_t step);
  /// Staleness 1: starts sampling for the step after `step`. Ranks that do not sample return at
  /// once.
  void start_next(std::int64_t step);
  /// Waits for the scores of the samples of start_next().
  void finish_next();
  /// Registers the open groups in the checkpoints of the loop.
  void persist(RunLoop& loop);
  /// The step counts: checkpoints hold the open groups as they are after it.
  void keep_open_groups();
  /// Seconds of sampling for the rollouts of the step, on the slowest rank.
  double seconds();

 private:
  bool ahead() const { return config::samples_ahead(run_.config()); }
  bool is_partial() const { return run_.config().rl.partial_rollouts; }
  void start_step(std::int64_t step);
  void continue_groups(std::int64_t step);
  void start(std::vector<data::Prompt> prompts, std::int64_t step);
  std::vector<data::Rollout> finish(std::int64_t step);

  const Run& run_;
  Policy& policy_;
  RewardRole& reward_;
  Reference& reference_;
  DynamicSampling& prompts_;
  std::vector<data::Prompt> batch_;  // prompts that are being sampled
  std::vector<RolloutChunk> chunks_;
  std::vector<data::Rollout> next_;  // scored rollouts of the next step
  std::int64_t sampled_step_ = 0;    // step sampled by start_next()
  double started_seconds_ = 0.0, next_seconds_ = 0.0, seconds_ = 0.0;
};

}  // namespace r1::mpi
