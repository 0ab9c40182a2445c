#pragma once
// Moves samples between replicas that sample with one model, so that long answers leave no replica
// idle (generation/balancer.h).
//
// Every [engine] balance_every decode steps, the replicas gather three numbers per replica, compute
// the same plan, and send samples to each other: from rank t of the sending replica to rank t of
// the receiving replica, so that all ranks of a replica hold the same samples. The plan does not
// depend on time, so a repeated run moves the same samples.
#include <array>
#include <optional>

#include "generation/balancer.h"
#include "roles/open_groups.h"
#include "run.h"

namespace r1::mpi {

/// Balances one call of Generator::sample.
class ReplicaBalancer final : public generation::Balancer {
 public:
  /// `role`: the role whose replicas share the work, including the calling rank. `prompts`,
  /// `samples`: the work of all these replicas together.
  ReplicaBalancer(const Run& run, const std::string& role, std::span<const data::Prompt> prompts,
                  std::int64_t samples);
  /// Also ends the sampling, at a balance(), when the step has enough groups (chosen()). `groups`:
  /// the open groups of this replica. Collective over: these replicas.
  ReplicaBalancer(const Run& run, const std::string& role, const OpenGroups& groups,
                  std::int64_t step);

  std::int64_t engine() const override;
  std::int64_t interval() const override;
  std::int64_t longest_prompt() const override { return longest_prompt_; }
  std::int64_t most_samples() const override { return most_samples_; }
  bool balance(generation::SamplePool& pool) override;
  std::vector<generation::FinishedSample> settle(
      std::vector<generation::FinishedSample> guests) override;

  /// The groups that the step trains on (generation::choose_groups), equal on all replicas.
  const std::vector<std::int64_t>& chosen() const { return chosen_; }
  /// Decode steps until the last replica finished: the sum over intervals of the largest number of
  /// steps of a replica.
  std::int64_t elapsed_steps() const { return elapsed_steps_; }
  /// Number of moved samples, over all replicas.
  std::int64_t num_moved() const { return num_moved_; }

 private:
  /// Samples that arrived in one move.
  struct Arrival {
    int from;                                          // world rank
    std::vector<std::array<std::int64_t, 3>> samples;  // origins of the samples
  };
  /// This rank's part of one balance() call.
  struct Round {
    std::vector<Arrival> arrivals;
    std::vector<int> receivers;  // world ranks to which samples were sent
  };
  ReplicaBalancer(const Run& run, const std::string& role);
  std::vector<generation::EngineLoad> gather(const generation::EngineLoad& mine);
  bool has_enough(generation::SamplePool& pool);

  const Run& run_;
  parallel::Communicator& replicas_;
  // World ranks by replica: the ranks that hold the same part of the model as this rank.
  std::vector<int> peers_;
  std::int64_t longest_prompt_ = 0;
  std::int64_t most_samples_ = 0;
  std::int64_t elapsed_steps_ = 0;
  std::int64_t num_moved_ = 0;
  std::vector<std::int64_t> steps_before_;  // by replica, at the last balance()
  std::vector<Round> rounds_;
  std::optional<generation::GroupWindow> window_;  // none: all is sampled
  // What this replica knows of each group of the window: finished samples, and 1 for a group that
  // it owns.
  std::vector<std::int64_t> counts_;
  std::vector<std::int64_t> chosen_;
};

}  // namespace r1::mpi
