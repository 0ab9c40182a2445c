#pragma once
// The policy role: samples rollouts, scores its own tokens, and is updated by PPO or GRPO.
#include <memory>
#include <optional>

#include "algorithms/kl.h"
#include "algorithms/loss.h"
#include "model_input.h"
#include "roles/policy_sampler.h"
#include "roles/rollout_record.h"
#include "run.h"
#include "trainer.h"

namespace r1::mpi {

/// A linear layer on the final hidden state: value = hidden . weight + bias.
struct ValueHead {
  at::Tensor weight;  // [1, D]
  at::Tensor bias;    // [1]
};

class Policy {
 public:
  /// Loads the model on policy ranks. Collective over: world.
  explicit Policy(Run& run);
  ~Policy();

  /// Samples this rank's groups of a chunk of the step's prompts. On other ranks: an empty chunk.
  RolloutChunk sample_chunk(std::span<const data::Prompt> prompts, std::int64_t step,
                            std::int64_t chunk);
  /// One greedy or sampled completion per prompt and `samples` each, for evaluation; this rank's
  /// share.
  std::vector<data::Rollout> answer(std::span<const data::Prompt> prompts,
                                    const generation::SamplingOptions& sampling,
                                    std::int64_t samples, std::uint64_t seed);

  /// Advantages, then all epochs and mini-batches of the step. `coldstart`: supervised samples of
  /// the step, equal on all ranks. Metrics are those of all ranks. Collective over: policy.
  metrics::Row update(std::vector<data::Rollout> rollouts,
                      std::span<const data::TrainingSample> coldstart, std::int64_t step);

  bool active() const { return model_ != nullptr; }
  models::Model& model() { return *model_; }
  Trainer& trainer() { return *trainer_; }
  parallel::Communicator& data_parallel();
  /// Weights as sent to the reference: bumped by every optimizer step that was taken.
  std::int64_t version() const { return version_; }

 private:
  friend class PolicyUpdate;
  void persist();
  bool leads() const;  // its replica

  Run& run_;
  std::unique_ptr<models::Model> model_;
  std::optional<ValueHead> value_head_;
  std::unique_ptr<PolicySampler> sampler_;
  std::unique_ptr<RolloutRecorder> recorder_;  // null: rollouts are not written down
  std::unique_ptr<RolloutReplay> replay_;      // null: rollouts are sampled
  std::unique_ptr<Trainer> trainer_;
  algorithms::KlController kl_controller_;
  std::int64_t version_ = 0;
};

}  // namespace r1::mpi
