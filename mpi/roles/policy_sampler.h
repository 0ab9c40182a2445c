#pragma once
// How the policy samples: with the trainer's own weights, or in a layout of its own
// ([roles.policy.generate]) that takes them over after every update.
//
// Replicas of the two layouts are nested: one layout's tp divides the other's. The owner of a group
// is a replica of the trainer (rollouts.h). Where generation has more replicas, those on an owner's
// ranks share its groups and hand their samples to the owner's ranks; where it has fewer, a replica
// samples for all owners on its ranks. So nobody exchanges samples with more ranks than a replica
// has, however many there are.
#include <memory>

#include "metrics/row.h"
#include "roles/generator.h"

namespace r1::mpi {

class PolicySampler {
 public:
  /// `trained` outlives it. Throws: ConfigError when the layouts are not nested.
  PolicySampler(Run& run, const models::Model& trained);
  ~PolicySampler();

  /// Takes over the trained weights; nothing where the layouts are equal. Collective over: policy.
  void synchronise(std::int64_t policy_version);
  /// `samples` completions of the prompts that this rank's replica of the trainer owns. Collective
  /// over: policy.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of);
  /// The same completions as another run recorded them.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples);
  /// weight_sync_seconds and weight_sync_gib of the last synchronise, where there was one.
  void add_metrics(metrics::Row& row) const;

 private:
  bool samples_group(std::int64_t group) const;
  std::vector<data::Rollout> to_owners(std::vector<data::Rollout> mine,
                                       std::span<const data::Prompt> prompts);

  Run& run_;
  const models::Model& trained_;
  std::unique_ptr<models::Model> own_model_;  // null: the trainer's
  std::unique_ptr<Generator> generator_;
  std::int64_t version_ = -1;  // of the weights in own_model_
  double sync_seconds_ = 0.0, sync_gib_ = 0.0;
};

}  // namespace r1::mpi
