#pragma once
// The policy role: samples rollouts, scores its own tokens, and is updated by PPO or GRPO.
#include <memory>
#include <optional>

#include "roles/policy_sampler.h"
#include "roles/rollout_record.h"
#include "run_loop.h"
#include "training/policy_update.h"

namespace r1::mpi {

class Policy {
 public:
  /// Loads the model on ranks that train. Collective over: world.
  explicit Policy(const Run& run);
  ~Policy();

  /// What checkpoints of the loop hold of the policy. Collective over: world.
  void persist(RunLoop& loop);

  /// From now on the newest weights sample; begins the step's counts of decode steps. Collective
  /// over: policy, generation.
  void synchronise(std::int64_t step);
  /// Samples this rank's groups of a chunk of the step's prompts. On other ranks: an empty chunk.
  RolloutChunk sample_chunk(std::span<const data::Prompt> prompts, std::int64_t step,
                            const config::StepSettings& settings, std::int64_t chunk);
  /// Scored rollouts of `prompts` from the ranks that sampled them to those that train on them.
  /// Collective over: policy, generation.
  std::vector<data::Rollout> deliver(std::vector<data::Rollout> rollouts,
                                     std::span<const data::Prompt> prompts);
  /// One greedy or sampled completion per prompt and `samples` each of the newest weights, for
  /// evaluation; this rank's share, to be scored and delivered. Collective over: policy,
  /// generation.
  std::vector<data::Rollout> answer(std::span<const data::Prompt> prompts,
                                    const generation::SamplingOptions& sampling,
                                    std::int64_t samples, std::uint64_t seed);

  /// training::update_policy on the ranks that train; elsewhere nothing. Collective over: policy.
  metrics::StepMetrics update(std::span<const data::Rollout> rollouts,
                              std::span<const data::TrainingSample> coldstart, std::int64_t step);

  /// decode_steps from the first to the last of all replicas that sample, generation_idle_share (of
  /// them, those in which a replica had nothing to decode; mean), samples_moved; sequences_running
  /// and sequences_waiting (of a replica, mean over its decode steps), sequences_preempted,
  /// kv_cache_share (of the fullest cache, at most), prefix_hit_share (of the tokens of prompts
  /// that were found in the cache); weight_sync_*. Collective over: world.
  void add_sampling_metrics(metrics::StepMetrics& metrics);

  /// Whether this rank trains.
  bool active() const { return model_ != nullptr; }
  /// Whether this rank samples.
  bool samples() const { return sampler_ != nullptr && sampler_->active(); }
  /// Whether weights to sample with are there: after synchronise(), or from a checkpoint.
  bool can_sample() const { return sampler_ == nullptr || sampler_->version() >= 0; }
  models::Model& model() { return *model_; }
  training::Trainer& trainer() { return *trainer_; }
  parallel::Communicator& data_parallel();
  /// Weights as sent to the reference: bumped by every optimizer step that was taken.
  std::int64_t version() const { return version_; }

 private:
  void persist_sampler(RunLoop& loop);
  void tell_cache(const generation::CacheSize& cache);

  const Run& run_;
  std::unique_ptr<models::Model> model_;
  std::optional<training::ValueHead> value_head_;
  std::unique_ptr<PolicySampler> sampler_;
  std::unique_ptr<RolloutRecorder> recorder_;  // null: rollouts are not written down
  std::unique_ptr<RolloutReplay> replay_;      // null: rollouts are sampled
  std::unique_ptr<training::Trainer> trainer_;
  algorithms::KlController kl_controller_;
  std::int64_t version_ = 0;
  bool has_told_cache_ = false;
};

}  // namespace r1::mpi
