#pragma once
// The data of a run for the report, read from the run folder; memory is bounded for files of any
// size.
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "metrics/report/evaluation.h"
#include "metrics/report/series.h"
#include "metrics/writer.h"

namespace r1::metrics {

/// A row of a timeline file.
struct TimelineSpan {
  int rank = 0;
  std::string role;
  std::string name;
  std::int64_t step = 0;
  double begin = 0.0;  // Unix seconds
  double end = 0.0;
};

/// A held-out value before and after a stage.
struct HeldOut {
  std::string measure;  // "accuracy", "reward", "loss"
  double before = 0.0;
  double after = 0.0;
};

/// Where the numbers of a stage come from: the files resolved.json and chosen.json.
struct Origin {
  std::string model;           // path, or "random weights" with the name of the family
  std::int64_t started = 0;    // Unix seconds of the first start; 0: unknown
  std::int64_t num_ranks = 0;  // of the last start; 0: unknown
  std::string version;         // of the program, with its commit

  bool empty() const { return model.empty() && num_ranks == 0; }
};

/// One run folder: a stage of a pipeline, or a run by itself.
struct StageData {
  std::string name;
  std::string config;  // resolved.toml, shortened
  Origin origin;
  std::vector<std::pair<std::string, Series>> series;  // in order of first appearance
  std::int64_t num_rows = 0;
  std::int64_t last_step = 0;
  std::int64_t num_not_finite = 0;
  std::vector<HeldOut> held_out;        // from the stage's summary.json
  std::optional<double> weight_change;  // relative, over the stage; from summary.json
  std::vector<SampleRow> samples;       // evenly spaced over the file
  std::int64_t num_samples = 0;         // number of rows in the file
  std::vector<TimelineSpan> spans;      // spans of evenly spaced steps
  std::vector<std::string> notes;       // unreadable files

  /// Null if the stage never wrote this metric.
  const Series* find(const std::string& metric) const;
  /// Whether the rows are scores of models on suites, not steps.
  bool is_evaluation() const { return find("pass_at_1") != nullptr; }
};

/// The whole run folder.
struct RunData {
  std::string title;
  std::string config;
  std::vector<StageData> stages;
  Evaluation evaluation;
  std::vector<std::string> notes;
};

/// Limits on the data that is kept.
struct ReadLimits {
  std::size_t max_points = 400;  // per curve
  std::size_t max_samples = 12;  // transcripts per stage
  std::size_t max_spans = 3000;  // timeline spans per stage
  std::size_t max_series = 200;  // metric names per stage
  std::size_t max_text = 12000;  // bytes of a transcript's text
  std::size_t max_stages = 64;
};

/// Reads a run folder: of a single stage, of a pipeline with stages/NN-name/, or of a distillation
/// with one folder per student. Missing files are left out; damaged files are noted. Throws:
/// InputError if `folder` is not a folder.
RunData read_run(const std::string& folder, const ReadLimits& limits);

}  // namespace r1::metrics
