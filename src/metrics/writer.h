#pragma once
// Writers of a stage's records: metrics.jsonl, TensorBoard events, and sample transcripts.
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "metrics/append_file.h"
#include "metrics/event_file.h"
#include "metrics/step_metrics.h"

namespace r1::metrics {

/// Appends one JSON object per step to FOLDER/metrics.jsonl, and the same numbers to a TensorBoard
/// event file. One process of the run uses the writer. Collective over: none.
class MetricsWriter {
 public:
  /// Removes the rows with step > `last_step` (-1: a new run, all rows) from the files in FOLDER,
  /// and starts a new event file. Throws: InputError naming the file.
  MetricsWriter(const std::string& folder, std::int64_t last_step, bool tensorboard = true);

  /// Writes the line of a step; a full disk does not throw (AppendFile). Text values are written
  /// only to metrics.jsonl.
  void write(std::int64_t step, const std::string& stage, const StepMetrics& metrics);
  /// Flushes the files to the disk; call with a checkpoint.
  void sync();
  /// NaN and infinite numbers that were written since construction.
  std::int64_t num_not_finite() const { return num_not_finite_; }

 private:
  std::optional<AppendFile> rows_;
  std::optional<EventFile> events_;
  std::int64_t num_not_finite_ = 0;
};

/// A turn of the model that a tool or an environment answered.
struct SampleTurn {
  std::string call, answer, status;
};

/// A rollout in the report; a line of samples.jsonl.
struct SampleRow {
  std::int64_t step = 0;
  std::int64_t sample = 0;  // global index in the step
  std::string problem;
  std::string answer;  // reference answer
  std::string prompt;  // the model's input
  std::string completion;
  double reward = 0.0;
  std::map<std::string, double> parts;
  std::string reason;         // of the verifier; "ok": correct
  std::string finish_reason;  // "stop" or "length"
  std::vector<SampleTurn> turns = {};
};

/// Returns one JSON object without a newline. Bytes that are not valid UTF-8 become U+FFFD.
std::string to_json_line(const SampleRow& row);

/// Appends to FOLDER/samples.jsonl, which the constructor truncates like metrics.jsonl.
class SampleWriter {
 public:
  SampleWriter(const std::string& folder, std::int64_t last_step);
  void write(const SampleRow& row);
  /// To the disk itself; call with a checkpoint.
  void sync();

 private:
  std::optional<AppendFile> rows_;
};

}  // namespace r1::metrics
