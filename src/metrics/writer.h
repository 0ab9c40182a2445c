#pragma once
// Writes a stage's measurements: metrics.jsonl, TensorBoard events, and sample transcripts.
#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "metrics/append_file.h"
#include "metrics/event_file.h"
#include "metrics/step_metrics.h"

namespace r1::metrics {

/// Appends one JSON object per step to FOLDER/metrics.jsonl and the same numbers to a TensorBoard
/// event file. Used by one process of the run. Collective over: none.
class MetricsWriter {
 public:
  /// Cuts what FOLDER holds back to rows with step <= `last_step` (-1: nothing is kept, a new run)
  /// and starts a new event file. Throws: InputError naming the file.
  MetricsWriter(const std::string& folder, std::int64_t last_step, bool tensorboard = true);

  /// Writes a step's line; a full disk does not throw (AppendFile). Text values go to metrics.jsonl
  /// only.
  void write(std::int64_t step, const std::string& stage, const StepMetrics& metrics);
  /// To the disk itself; call with a checkpoint.
  void sync();
  /// NaN and infinite numbers written since construction.
  std::int64_t num_not_finite() const { return num_not_finite_; }

 private:
  std::optional<AppendFile> rows_;
  std::optional<EventFile> events_;
  std::int64_t num_not_finite_ = 0;
};

/// One rollout as a reader of the report sees it; a line of samples.jsonl.
struct SampleRow {
  std::int64_t step = 0;
  std::int64_t sample = 0;  // global index in the step
  std::string problem;
  std::string answer;  // gold
  std::string prompt;  // as given to the model
  std::string completion;
  double reward = 0.0;
  std::map<std::string, double> parts;
  std::string reason;         // of the verifier; "ok" = right
  std::string finish_reason;  // "stop" or "length"
};

/// One JSON object without a newline. Bytes that are no UTF-8 become U+FFFD.
std::string to_json_line(const SampleRow& row);

/// Appends to FOLDER/samples.jsonl, cut back as metrics.jsonl is.
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
