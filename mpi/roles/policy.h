#pragma once
// The policy role: samples rollouts, computes log-probabilities of its own tokens, and is updated
// by PPO or GRPO.
#include <memory>
#include <optional>

#include "roles/policy_sampler.h"
#include "roles/rollout_record.h"
#include "run_loop.h"
#include "training/policy_update.h"

namespace r1::mpi {

class Policy {
 public:
  /// Loads the model on training ranks. Collective over: world.
  explicit Policy(const Run& run);
  ~Policy();

  /// Registers the policy's state in the checkpoints of the loop. Collective over: world.
  void persist(RunLoop& loop);

  /// Transfers the newest weights to the sampling model, and resets the step's counts of decode
  /// steps. Collective over: policy, generation.
  void synchronise(std::int64_t step);
  /// Samples this rank's groups of a chunk of the step's prompts. Ranks that do not sample get an
  /// empty chunk.
  RolloutChunk sample_chunk(std::span<const data::Prompt> prompts, std::int64_t step,
                            const config::StepSettings& settings, std::int64_t chunk);
  /// Continues the open groups until the step has its groups, and returns those of this rank.
  RolloutChunk continue_groups(std::int64_t step, const config::StepSettings& settings);
  /// The groups that live between steps; null without rl.partial_rollouts.
  OpenGroups* open() { return open_.get(); }
  /// Sends scored rollouts of `prompts` from the ranks that sampled them to the ranks that train on
  /// them. Collective over: policy, generation.
  std::vector<data::Rollout> deliver(std::vector<data::Rollout> rollouts,
                                     std::span<const data::Prompt> prompts);
  /// Samples `samples` completions per prompt with the newest weights, for evaluation. Returns this
  /// rank's part of the rollouts, which must then be scored and delivered. Collective over: policy,
  /// generation.
  std::vector<data::Rollout> answer(std::span<const data::Prompt> prompts,
                                    const generation::SamplingOptions& sampling,
                                    std::int64_t samples, std::uint64_t seed);

  /// Calls training::update_policy on the training ranks; does nothing on other ranks. Collective
  /// over: policy.
  metrics::StepMetrics update(std::span<const data::Rollout> rollouts,
                              std::span<const data::TrainingSample> coldstart, std::int64_t step);

  /// Adds decode_steps (from the first to the last step of all sampling replicas),
  /// generation_idle_share (mean share of these steps in which a replica had nothing to decode),
  /// samples_moved; sequences_running and sequences_waiting (per replica, mean over its decode
  /// steps), sequences_preempted, kv_cache_share (highest share of a replica's cache in use),
  /// prefix_hit_share (share of prompt tokens that were found in the cache) and weight_sync_*.
  /// Collective over: world.
  void add_sampling_metrics(metrics::StepMetrics& metrics);

  /// Whether this rank trains.
  bool active() const { return model_ != nullptr; }
  /// Whether this rank samples.
  bool samples() const { return sampler_ != nullptr && sampler_->active(); }
  /// Whether the sampling weights are set, by synchronise() or from a checkpoint.
  bool can_sample() const { return sampler_ == nullptr || sampler_->version() >= 0; }
  models::Model& model() { return *model_; }
  training::Trainer& trainer() { return *trainer_; }
  parallel::Communicator& data_parallel();
  /// Version of the trained weights; every optimizer step that is taken adds 1.
  std::int64_t version() const { return version_; }

 private:
  void record_experts();
  bool holds_place(std::int64_t place) const;
  generation::SamplingOptions sampling_of(const config::StepSettings& settings) const;
  void persist_sampler(RunLoop& loop);
  void tell_cache(const generation::CacheSize& cache);

  const Run& run_;
  std::unique_ptr<models::Model> model_;
  std::optional<training::ValueHead> value_head_;
  std::unique_ptr<PolicySampler> sampler_;
  std::unique_ptr<OpenGroups> open_;           // null: a step's samples are sampled in that step
  std::unique_ptr<RolloutRecorder> recorder_;  // null: rollouts are not recorded
  std::unique_ptr<RolloutReplay> replay_;      // null: rollouts are sampled
  std::unique_ptr<training::Trainer> trainer_;
  algorithms::KlController kl_controller_;
  std::int64_t version_ = 0;
  bool has_told_cache_ = false;
};

}  // namespace r1::mpi
