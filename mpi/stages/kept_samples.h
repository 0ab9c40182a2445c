#pragma once
// The output file of the generate stage: which completions are kept, as what record, and how a
// restart goes on.
#include <nlohmann/json.hpp>

#include "data/types.h"
#include "metrics/step_metrics.h"
#include "rewards/reward.h"
#include "run.h"

namespace r1::mpi {

class KeptSamples {
 public:
  /// Opens the output on the writing rank and cuts it back to the last chunk that was finished.
  /// Collective: world.
  KeptSamples(const Run& run, std::string output);

  /// First chunk to do; equal on all ranks.
  std::int64_t continue_from() const { return next_chunk_; }
  /// Whether [generate] max_kept is reached; equal on all ranks. Collective over: world.
  bool enough();
  /// Filters the chunk's completions (on the writing rank), appends and syncs them, then notes the
  /// chunk as done.
  metrics::StepMetrics add(std::span<const data::Rollout> rollouts, std::int64_t chunk);
  /// Writes OUTPUT.report.json: seen, kept and the reasons against the others, in all and by
  /// domain; logs the same. Throws: InputError when nothing was kept.
  void finish();

 private:
  /// What became of a domain's completions.
  struct Account {
    std::int64_t seen = 0, kept = 0;
    std::map<std::string, std::int64_t> refused;
  };

  /// Empty: keep; else why not.
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
