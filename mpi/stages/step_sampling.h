#pragma once
// When the rollouts of an RL step are sampled.
//
//   staleness 0   sample s | update s | sample s+1 | update s+1 | …
//   staleness 1   sample s | update s   | update s+1 | …
//                          | sample s+1 | sample s+2 | …
//
// With staleness 1 the samples of a step come from the weights before the last update. On ranks of
// their own ([roles] generate_ranks) they are sampled and scored while that update runs; on shared
// ranks right before it, with the same results. A checkpoint holds those older weights, and a
// continued run draws the samples of its first step again.
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

  /// Before the first step of this start of the program.
  void begin(std::int64_t step);
  /// Rollouts of the step that this rank owns, with their final rewards: scores, and what
  /// rl.overlong takes off them.
  std::vector<data::Rollout> rollouts(std::int64_t step);
  /// The same of further prompts of the step (staleness 0).
  std::vector<data::Rollout> more(std::span<const data::Prompt> prompts, std::int64_t step);
  /// Staleness 1: samples for the step after `step`. Ranks that do not sample go on at once.
  void start_next(std::int64_t step);
  /// Waits for the scores of what start_next() sampled.
  void finish_next();
  /// Seconds in which the rollouts of the step were sampled, on the slowest rank.
  double seconds();

 private:
  bool ahead() const { return run_.config().rl.staleness > 0; }
  void start(std::vector<data::Prompt> prompts, std::int64_t step);
  std::vector<data::Rollout> finish(std::int64_t step);

  const Run& run_;
  Policy& policy_;
  RewardRole& reward_;
  Reference& reference_;
  DynamicSampling& prompts_;
  std::vector<data::Prompt> batch_;  // being sampled
  std::vector<RolloutChunk> chunks_;
  std::vector<data::Rollout> next_;  // scored rollouts of the next step
  std::int64_t sampled_step_ = 0;    // by start_next()
  double started_seconds_ = 0.0, next_seconds_ = 0.0, seconds_ = 0.0;
};

}  // namespace r1::mpi
