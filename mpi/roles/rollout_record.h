#pragma once
// Rollouts that one run records and another run trains on ([rl] record_rollouts, replay). Two
// layouts, dtypes or devices can thus be compared on the same samples; otherwise rounding would
// make their samples diverge.
//
// Format: RUN/rollouts/replica-NNNNN.jsonl, one line per sample: {"step", "sample", "prompt_crc",
// "token_ids", "logprobs", "finish": "stop"|"length", "answers": [{"begin", "end", "call", "text",
// "status", "seconds"}] where tools answered, "experts": base64 of Completion::experts with
// rl.router_replay, "group": Rollout::origin and "versions": [[first token, policy version], …]
// with rl.partial_rollouts}. A continued run may contain a sample twice; the copies are equal.
#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "data/types.h"
#include "metrics/append_file.h"

namespace r1::mpi {

/// Writes the samples of one policy replica.
class RolloutRecorder {
 public:
  /// Throws: InputError naming the file.
  RolloutRecorder(const std::string& run_folder, int replica);
  void add(std::int64_t step, std::span<const data::Rollout> rollouts);

 private:
  metrics::AppendFile file_;
};

/// Holds the samples of a recorded run, of all its replicas.
class RolloutReplay {
 public:
  /// Throws: InputError naming the folder, or file and line.
  explicit RolloutReplay(const std::string& run_folder);
  /// Returns the `samples` recorded completions of a prompt, with empty texts. Throws: InputError
  /// if the step or sample was not recorded, or was recorded for another prompt.
  std::vector<data::Completion> completions(std::int64_t step, const data::Prompt& prompt,
                                            std::int64_t samples) const;
  /// Rollout::origin of a recorded sample. Throws: InputError if the step or sample was not
  /// recorded, or was recorded without rl.partial_rollouts.
  std::int64_t origin(std::int64_t step, std::int64_t sample) const;

 private:
  struct Recorded {
    std::uint32_t prompt_crc = 0;
    std::int64_t origin = -1;
    data::Completion completion;
  };
  void read(const std::string& file);
  const Recorded& find(std::int64_t step, std::int64_t sample) const;

  std::string folder_;
  std::map<std::pair<std::int64_t, std::int64_t>, Recorded> samples_;  // by step and sample
};

}  // namespace r1::mpi
