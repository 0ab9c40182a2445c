#pragma once
// How the policy samples: with the trainer's own weights; with a copy of them in a layout of its
// own on the same ranks ([roles.policy.generate]); or on ranks of its own ([roles] generate_ranks),
// beside the training.
//
// On the same ranks the replicas of the two layouts are nested: one layout's tp divides the
// other's. The owner of a group is a replica of the trainer (rollouts.h). Where generation has more
// replicas, those on an owner's ranks share its groups and hand their samples to the owner's ranks;
// where it has fewer, a replica samples for all owners on its ranks. So nobody exchanges samples
// with more ranks than a replica has, however many there are.
//
// On ranks of its own, generation replica g of G samples the groups that are g modulo G, has them
// scored, and delivers them to their owners.
#include <memory>
#include <optional>

#include "checkpoint/sharded_tensor.h"
#include "metrics/step_metrics.h"
#include "roles/generator.h"
#include "weight_transfer.h"

namespace r1::mpi {

class PolicySampler {
 public:
  /// `trained` outlives it; null on ranks that do not train. Throws: ConfigError when layouts on
  /// the same ranks are not nested.
  PolicySampler(const Run& run, const models::Model* trained);
  ~PolicySampler();

  /// Whether this rank samples.
  bool active() const { return generator_ != nullptr; }
  /// Takes over the trained weights; nothing where they are the trainer's own, or those of this
  /// version. Collective over: policy, generation.
  void synchronise(std::int64_t policy_version);
  /// The same for answers between two steps. `keep`: weights_to_save() are still those before. The
  /// next synchronise() takes weights over as if this call had not been, so that a run that is
  /// continued in between does the same.
  void synchronise_aside(std::int64_t policy_version, bool keep);
  /// Of the weights that sample; -1: none yet.
  std::int64_t version() const { return version_; }

  /// `samples` completions of prompts: those that this rank's replica of the trainer owns or, on
  /// ranks of its own, those that it samples. Collective over: the ranks that sample.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of);
  /// The same completions as another run recorded them.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples);
  /// Rollouts of `prompts` from where they were sampled to their owners, by sample number.
  /// Collective over: policy, generation.
  std::vector<data::Rollout> deliver(std::vector<data::Rollout> mine,
                                     std::span<const data::Prompt> prompts);

  /// Counts the last sample() among those of the step.
  void count_decode_steps() { decode_steps_ += generator_->decode_steps(); }
  void forget_decode_steps() { decode_steps_ = {}; }
  const DecodeSteps& decode_steps() const { return decode_steps_; }
  /// weight_sync_seconds, weight_sync_gib and weight_sync_version (of the policy) of the last
  /// synchronise, where there was one.
  void add_metrics(metrics::StepMetrics& metrics) const;

  /// The weights that sampled the newest rollouts, for a checkpoint ("generation/NAME"); filled
  /// when one is read.
  std::vector<checkpoint::ShardedTensor> weights_to_save();
  std::int64_t version_to_save() const { return kept_version_.value_or(version_); }
  void restore_version(std::int64_t version) { version_ = version; }

 private:
  bool samples_group(std::int64_t group) const;
  void take_over(std::int64_t policy_version);
  std::vector<data::Rollout> to_owners(std::vector<data::Rollout> mine,
                                       std::span<const data::Prompt> prompts);
  void receive(std::vector<data::Rollout>& mine, int from, std::span<const data::Prompt> prompts);

  const Run& run_;
  const models::Model* trained_;
  bool apart_;                                // generation has ranks of its own
  std::unique_ptr<models::Model> own_model_;  // null: the trainer's, or this rank does not sample
  std::unique_ptr<Generator> generator_;
  std::optional<WeightTransfer> transfer_;  // none: the trainer's own weights sample
  std::int64_t version_ = -1;
  std::int64_t num_takeovers_ = 0;            // names the weights to the generator
  std::optional<std::int64_t> kept_version_;  // before synchronise_aside()
  std::vector<at::Tensor> kept_;  // of that version: host copies of own_model_'s parameters
  double sync_seconds_ = 0.0, sync_gib_ = 0.0;
  DecodeSteps decode_steps_;  // of the step
};

}  // namespace r1::mpi
