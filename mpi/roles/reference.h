#pragma once
// The reference role: a frozen copy of the policy that gives log-probabilities of rollouts.
#include "models/lockstep.h"
#include "models/offloaded_weights.h"
#include "roles/rollouts.h"
#include "run_loop.h"
#include "weight_transfer.h"

namespace r1::mpi {

class Policy;

class Reference {
 public:
  /// Not in use (every call returns at once) when the configuration has no KL term. Collective
  /// over: world.
  explicit Reference(const Run& run);

  /// Checkpoints of the loop hold a reference that is replaced during the run. Collective over:
  /// none.
  void persist(RunLoop& loop);

  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk);
  void collect(std::vector<RolloutChunk>& chunks);
  /// Before a step: takes over the policy's weights where the step is due. Collective over: world.
  void update_if_due(std::int64_t step, Policy& policy);
  std::int64_t version() const { return version_; }

 private:
  std::vector<std::vector<double>> logprobs(std::span<const data::Rollout> rollouts,
                                            models::Lockstep& phase);
  std::int64_t copy_of(const models::Parameter& parameter, const models::WeightSlice& slice) const;

  const Run& run_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<models::OffloadedWeights> offloaded_;  // null: its weights stay on the device
  std::optional<ScoreService<std::vector<double>>> service_;
  std::optional<WeightTransfer> follow_;  // from the policy; none: the reference stays as it is
  std::int64_t version_ = 0;              // policy version it holds
};

}  // namespace r1::mpi
