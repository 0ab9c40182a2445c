#pragma once
// Sampling by the policy, in one of three ways: with the trainer's own weights; with a copy of the
// weights in another layout on the same ranks ([roles.policy.generate]); or with a copy on separate
// ranks ([roles] generate_ranks), concurrently with the training.
//
// On the same ranks the replicas of the two layouts are nested: the tp of one layout divides the tp
// of the other layout. The owner of a group is a replica of the trainer (rollouts.h). If generation
// has more replicas than training, the generation replicas on an owner's ranks share the owner's
// groups and send the samples to the owner's ranks. If generation has fewer replicas, a generation
// replica samples for all owners on its ranks. A rank therefore exchanges samples only with the
// ranks of one replica, for any number of replicas.
//
// On separate ranks, generation replica g of G samples the groups with index = g modulo G, has the
// samples scored, and delivers the samples to their owners.
#include <memory>
#include <optional>

#include "checkpoint/sharded_tensor.h"
#include "metrics/step_metrics.h"
#include "roles/generator.h"
#include "weight_transfer.h"

namespace r1::mpi {

/// Groups with equal numbers modulo this have the same owner and the same sampling replica.
std::int64_t num_group_classes(const RoleLayout& layout);

class PolicySampler {
 public:
  /// `trained` must outlive this object; null on ranks that do not train. Throws: ConfigError if
  /// layouts on the same ranks are not nested.
  PolicySampler(const Run& run, const models::Model* trained);
  ~PolicySampler();

  /// Samples then have the experts that they took (Engine::record_experts); before the first one.
  void record_experts() {
    if (generator_) generator_->record_experts();
  }
  /// Whether this rank samples.
  bool active() const { return generator_ != nullptr; }
  /// Copies the trained weights to the sampling model. Does nothing if the sampling model is the
  /// trainer's model, or already has this version. Collective over: policy, generation.
  void synchronise(std::int64_t policy_version);
  /// synchronise() for evaluations between two steps. `keep`: weights_to_save() continues to return
  /// the earlier weights. The next synchronise() behaves as if this call had not happened, so that
  /// a run that continues from a checkpoint in between gives the same results.
  void synchronise_aside(std::int64_t policy_version, bool keep);
  /// Policy version of the sampling weights; -1: not set.
  std::int64_t version() const { return version_; }

  /// Samples `samples` completions per prompt, and returns the rollouts of the groups that this
  /// rank's training replica owns or, on separate ranks, of the groups that this rank's generation
  /// replica samples. Collective over: the ranks that sample.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of);
  /// Continues the open groups (Generator::resume), takes out those of the step, and returns their
  /// rollouts as sample() does. Collective over: the ranks that sample.
  std::vector<data::Rollout> resume(
      OpenGroups& groups, std::int64_t step, const generation::SamplingOptions& sampling,
      const std::function<std::uint64_t(const OpenGroup& group, std::int64_t i)>& seed_of);
  /// resume() with the samples that another run recorded.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, OpenGroups& groups,
                                      std::int64_t step);
  /// Whether this rank's replica of the generation layout samples the group.
  bool samples_group(std::int64_t group) const;
  /// Returns the completions that another run recorded instead of sampling them.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples);
  /// Sends rollouts of `prompts` from the ranks that sampled them to their owners, ordered by
  /// sample number. Collective over: policy, generation.
  std::vector<data::Rollout> deliver(std::vector<data::Rollout> mine,
                                     std::span<const data::Prompt> prompts);

  /// Adds the decode steps of the last sample() to the counts of the step.
  void count_decode_steps() { decode_steps_ += generator_->decode_steps(); }
  void forget_decode_steps() { decode_steps_ = {}; }
  const DecodeSteps& decode_steps() const { return decode_steps_; }
  /// Sets weight_sync_seconds, weight_sync_gib (into the rank that receives most) and
  /// weight_sync_version (the policy version) of the last transfer, if generation has its own
  /// layout.
  void add_metrics(metrics::StepMetrics& metrics) const;

  /// The weights that sampled the newest rollouts, as tensors "generation/NAME" of a checkpoint.
  /// Reading a checkpoint fills these tensors.
  std::vector<checkpoint::ShardedTensor> weights_to_save();
  std::int64_t version_to_save() const { return kept_version_.value_or(version_); }
  void restore_version(std::int64_t version) { version_ = version; }

 private:
  std::vector<data::Rollout> finished(std::vector<data::Rollout> rollouts);
  void take_over(std::int64_t policy_version);
  std::vector<data::Rollout> to_owners(std::vector<data::Rollout> mine,
                                       std::span<const data::Prompt> prompts);
  void receive(std::vector<data::Rollout>& mine, int from, std::span<const data::Prompt> prompts);

  const Run& run_;
  const models::Model* trained_;
  bool apart_;                                // generation has separate ranks
  std::unique_ptr<models::Model> own_model_;  // null: trained_ samples, or this rank does not
  std::unique_ptr<Generator> generator_;
  std::optional<WeightTransfer> transfer_;  // none: the trainer's own model samples
  std::int64_t version_ = -1;
  std::int64_t num_takeovers_ = 0;            // names the weights to the generator
  std::optional<std::int64_t> kept_version_;  // before synchronise_aside()
  // Host copies of own_model_'s trained parameters, of version kept_version_.
  std::vector<at::Tensor> kept_;
  double sync_seconds_ = 0.0, sync_gib_ = 0.0;
  DecodeSteps decode_steps_;  // sum over the step
};

}  // namespace r1::mpi
