#pragma once
// Samples completions with a model, for the policy in RL and for generate and evaluate.
#include <functional>

#include "generation/engine.h"
#include "roles/rollouts.h"
#include "run.h"

namespace r1::mpi {

class RolloutReplay;
class ToolTurns;

/// Whether the replica of a rank samples a group (Prompt::index).
using OwnsGroup = std::function<bool(std::int64_t group)>;
/// The groups of a replica: group % number of replicas == replica. `replicas`: RoleGroups::data.
OwnsGroup groups_of(const parallel::Communicator& replicas);

/// Times of sampling, counted in decode steps.
struct DecodeSteps {
  double busy = 0.0;     // decode steps of this replica
  double elapsed = 0.0;  // from the first to the last decode step of all replicas that share work
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
  /// `model` must outlive the generator and may be trained between calls. `role`: the role whose
  /// replicas sample with `model`, and share their work according to [engine] balance_every.
  /// `text`: the tokenizer of the model.
  /// [rollout.tools] answer the samples' turns. Throws: ConfigError if tools cannot be started.
  Generator(const Run& run, const models::Model& model, std::string role, TextModel text);
  ~Generator();

  /// Samples `samples` completions of each prompt, prompt by prompt. The sample number is
  /// prompt.index * samples + i, and seed_of(sample number) is the seed. Only prompts in `mine` are
  /// sampled; each prompt belongs to one replica. Weights that are shared out are gathered for the
  /// time of the call. Collective over: the role.
  std::vector<data::Rollout> sample(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling,
                                    const std::function<std::uint64_t(std::int64_t)>& seed_of,
                                    const OwnsGroup& mine);
  /// Returns the completions that another run recorded instead of sampling them. Throws:
  /// InputError.
  std::vector<data::Rollout> recorded(const RolloutReplay& replay, std::int64_t step,
                                      std::span<const data::Prompt> prompts, std::int64_t samples,
                                      const OwnsGroup& mine);
  /// Engine::set_weight_version.
  void set_weight_version(std::int64_t version) { engine_.set_weight_version(version); }
  /// The decode steps of the last sample().
  const DecodeSteps& decode_steps() const { return decode_steps_; }

 private:
  std::vector<data::Rollout> rollouts_of(
      std::span<const data::Prompt* const> prompts, std::int64_t samples,
      std::vector<std::vector<data::Completion>> completions) const;

  const Run& run_;
  const models::Model& model_;
  std::string role_;
  TextModel text_;
  generation::Engine engine_;
  std::unique_ptr<ToolTurns> tools_;  // null: no turn is answered
  DecodeSteps decode_steps_;
};

}  // namespace r1::mpi
