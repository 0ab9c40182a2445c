#pragma once
// Samples completions with a model: what the policy does in RL, and what generate and evaluate do.
#include <functional>

#include "generation/engine.h"
#include "roles/rollouts.h"
#include "run.h"

namespace r1::mpi {

class RolloutReplay;

/// Whether a rank's replica has to do with a group (Prompt::index).
using OwnsGroup = std::function<bool(std::int64_t group)>;
/// The groups of a replica: group % number of replicas. `replicas`: RoleGroups::data.
OwnsGroup groups_of(const parallel::Communicator& replicas);

/// How long replicas sampled, counted in decode steps.
struct DecodeSteps {
  double busy = 0.0;     // of this replica
  double elapsed = 0.0;  // from the first to the last step of all that share work
  double moved = 0.0;    // samples that moved between replicas
  generation::GenerationStatistics engine;  // of this replica

  void operator+=(const DecodeSteps& other) {
    busy += other.busy;
    elapsed += other.elapsed;
    moved += other.moved;
    engine += other.engine;
  }
};

class Generator {
 public:
  /// `model` outlives the generator and may be trained between calls. `role`: whose replicas sample
  /// with it, and share their work as [engine] balance_every says. `text`: the model's tokenizer.
  Generator(const Run& run, const models::Model& model, std::string role, TextModel text)
      : run_(run),
        role_(std::move(role)),
        text_(std::move(text)),
        engine_(model, run.config().engine) {}

  /// `samples` completions of each prompt, prompt by prompt; sample number = prompt.index * samples
  /// + i, seeded by `seed_of` (sample number). Only prompts of `mine` are sampled; each is that of
  /// one replica. Collective over: the role.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of,
                                    const OwnsGroup& mine);
  /// The same completions as another run recorded them. Throws: InputError.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples,
                                      const OwnsGroup& mine);
  /// Engine::set_weight_version.
  void set_weight_version(std::int64_t version) { engine_.set_weight_version(version); }
  /// Of the last sample().
  const DecodeSteps& decode_steps() const { return decode_steps_; }

 private:
  std::vector<data::Rollout> rollouts_of(
      std::span<const data::Prompt* const> prompts, std::int64_t samples,
      std::vector<std::vector<data::Completion>> completions) const;

  const Run& run_;
  std::string role_;
  TextModel text_;
  generation::Engine engine_;
  DecodeSteps decode_steps_;
};

}  // namespace r1::mpi
