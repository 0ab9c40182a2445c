#pragma once
// Moves samples between the replicas that sample with one model, so that long answers leave none of
// them idle (generation/balancer.h).
//
// Every [engine] balance_every decode steps the replicas gather three numbers each, come to the
// same plan, and send samples to each other: rank t of the giver to rank t of the receiver, so that
// all ranks of a replica hold the same. Nothing depends on time: a run moves the same samples
// whenever it is repeated.
#include <array>

#include "generation/balancer.h"
#include "run.h"

namespace r1::mpi {

/// One call of Generator::sample.
class ReplicaBalancer final : public generation::Balancer {
 public:
  /// `role`: whose replicas share the work, the calling rank among them. `prompts`, `samples`: what
  /// all of them sample together.
  ReplicaBalancer(const Run& run, const std::string& role, std::span<const data::Prompt> prompts,
                  std::int64_t samples);

  std::int64_t engine() const override;
  std::int64_t interval() const override;
  std::int64_t longest_prompt() const override { return longest_prompt_; }
  std::int64_t most_samples() const override { return most_samples_; }
  bool balance(generation::SamplePool& pool) override;
  std::vector<generation::FinishedSample> settle(
      std::vector<generation::FinishedSample> guests) override;

  /// Decode steps until the last replica had finished: the sum over intervals of the most steps
  /// that any replica made.
  std::int64_t elapsed_steps() const { return elapsed_steps_; }
  /// Samples that moved, of all replicas.
  std::int64_t num_moved() const { return num_moved_; }

 private:
  /// Samples that came with one move.
  struct Arrival {
    int from;                                          // world rank
    std::vector<std::array<std::int64_t, 3>> samples;  // their origins
  };
  /// This rank's part of one balance().
  struct Round {
    std::vector<Arrival> arrivals;
    std::vector<int> receivers;  // world ranks that were given samples
  };
  std::vector<generation::EngineLoad> gather(const generation::EngineLoad& mine);

  const Run& run_;
  parallel::Communicator& replicas_;
  std::vector<int> peers_;  // world ranks, by replica: those with this rank's part of the model
  std::int64_t longest_prompt_ = 0;
  std::int64_t most_samples_ = 0;
  std::int64_t elapsed_steps_ = 0;
  std::int64_t num_moved_ = 0;
  std::vector<std::int64_t> steps_before_;  // by replica, at the last balance()
  std::vector<Round> rounds_;
};

}  // namespace r1::mpi
