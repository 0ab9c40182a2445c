#pragma once
// The output file of the generate stage: which completions are kept, the format of their records,
// and continuation after a restart.
#include <nlohmann/json.hpp>

#include "data/types.h"
#include "metrics/step_metrics.h"
#include "rewards/reward.h"
#include "run.h"

namespace r1::mpi {

class KeptSamples {
 public:
  /// Opens the output on the writing rank and truncates the output to the last finished chunk.
  /// Collective over: world.
  KeptSamples(const Run& run, std::string output);

  /// The first chunk to process; equal on all ranks.
  std::int64_t continue_from() const { return next_chunk_; }
  /// Whether [generate] max_kept is reached; equal on all ranks. Collective over: world.
  bool enough();
  /// Filters the completions of the chunk (on the writing rank), appends and syncs the kept ones,
  /// then records the chunk as finished.
  metrics::StepMetrics add(std::span<const data::Rollout> rollouts, std::int64_t chunk);
  /// Writes OUTPUT.report.json: numbers of seen and kept completions and the reasons of refusals,
  /// in total and by domain; logs the same numbers. Throws: InputError if no completion was kept.
  void finish();

 private:
  /// Counts of the completions of a domain.
  struct Account {
    std::int64_t seen = 0, kept = 0;
    std::map<std::string, std::int64_t> refused;
  };

  /// The reason not to keep the completion; empty: keep.
  std::string refusal(const data::Rollout& rollout) const;
  Account& account(const data::Rollout& rollout);
  nlohmann::json report() const;
  void note(std::int64_t next_chunk);
  bool restore_progress();
  std::uint32_t sum_of(std::uint64_t begin, std::uint64_t end, std::uint32_t crc) const;

  const Run& run_;
  std::string output_, progress_file_;
  std::unique_ptr<rewards::Reward> format_, language_, repetition_;
  std::int64_t next_chunk_ = 0, kept_ = 0;
  std::uint64_t bytes_ = 0;  // of the chunks that are done, and their sum
  std::uint32_t crc_ = 0;
  std::map<std::string, Account> domains_;
};

}  // namespace r1::mpi
