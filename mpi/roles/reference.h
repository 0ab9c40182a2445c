#pragma once
// The reference role: a model that computes log-probabilities of rollouts. The model is [reference]
// or the initial policy; rl.reference_update_every replaces its weights by the policy's weights.
#include "models/lockstep.h"
#include "models/offloaded_weights.h"
#include "models/split_model.h"
#include "roles/rollouts.h"
#include "run_loop.h"
#include "weight_transfer.h"

namespace r1::mpi {

class Policy;

class Reference {
 public:
  /// Loads the reference, unless the configuration has no KL term; every call then returns at once.
  /// Collective over: world.
  explicit Reference(const Run& run);

  /// Registers the reference's weights in the checkpoints of the loop, if the reference is replaced
  /// during the run. Collective over: none.
  void persist(RunLoop& loop);

  void score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk);
  void collect(std::vector<RolloutChunk>& chunks);
  /// Before a step: copies the policy's weights to the reference if the step is due. Collective
  /// over: world.
  void update_if_due(std::int64_t step, Policy& policy);
  std::int64_t version() const { return version_; }

 private:
  std::vector<std::vector<double>> logprobs(std::span<const data::Rollout> rollouts,
                                            models::Lockstep& phase);
  std::int64_t copy_of(const models::FlatRange& range, const models::WeightSlice& slice) const;

  const Run& run_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<models::OffloadedWeights> offloaded_;  // null: the weights stay on the device
  std::optional<ScoreService<std::vector<double>>> service_;
  std::optional<WeightTransfer> follow_;  // from the policy; none: the reference is fixed
  std::int64_t version_ = 0;              // policy version of the weights
};

}  // namespace r1::mpi
