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

class Generator {
 public:
  /// `model` outlives the generator and may be trained between calls.
  Generator(Run& run, const models::Model& model)
      : run_(run), engine_(model, run.config().engine) {}

  /// `samples` completions of each prompt, prompt by prompt; sample number = prompt.index * samples
  /// + i, seeded by `seed_of` (sample number). Only prompts of `mine` are sampled.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of,
                                    const OwnsGroup& mine);
  /// The same completions as another run recorded them. Throws: InputError.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples,
                                      const OwnsGroup& mine);
  const generation::GenerationStatistics& statistics() const { return engine_.statistics(); }
  void release_memory() { engine_.release_memory(); }

 private:
  std::vector<data::Rollout> rollouts_of(
      std::span<const data::Prompt* const> prompts, std::int64_t samples,
      std::vector<std::vector<data::Completion>> completions) const;

  Run& run_;
  generation::Engine engine_;
};

}  // namespace r1::mpi
