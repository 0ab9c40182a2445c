#pragma once
// What the report knows about a run: read from its folder, bounded in memory whatever the files'
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

/// A held-out value as a stage found it and left it.
struct HeldOut {
  std::string measure;  // "accuracy", "reward", "loss"
  double before = 0.0;
  double after = 0.0;
};

/// One run folder: a stage of a pipeline, or a run by itself.
struct StageData {
  std::string name;
  std::string config;                                  // resolved.toml, shortened
  std::vector<std::pair<std::string, Series>> series;  // in order of first appearance
  std::int64_t num_rows = 0;
  std::int64_t last_step = 0;
  std::int64_t num_not_finite = 0;
  std::vector<HeldOut> held_out;        // of summary.json, which a training stage writes at its end
  std::optional<double> weight_change;  // relative, over the stage; of summary.json
  std::vector<SampleRow> samples;       // evenly spaced over the file
  std::int64_t num_samples = 0;         // in the file
  std::vector<TimelineSpan> spans;      // of evenly spaced steps
  std::vector<std::string> notes;       // what could not be read

  /// Null when the stage never wrote that name.
  const Series* find(const std::string& metric) const;
};

/// The whole run folder.
struct RunData {
  std::string title;
  std::string config;
  std::vector<StageData> stages;
  Evaluation evaluation;
  std::vector<std::string> notes;
};

/// How much of a run is kept.
struct ReadLimits {
  std::size_t max_points = 400;  // a curve
  std::size_t max_samples = 12;  // transcripts a stage
  std::size_t max_spans = 3000;  // timeline spans a stage
  std::size_t max_series = 200;  // names a stage
  std::size_t max_text = 12000;  // bytes of a transcript's text
  std::size_t max_stages = 64;
};

/// Reads a run folder, a pipeline's with stages/NN-name/, a distillation's with a folder a student.
/// Missing files are left out; damaged ones are noted. Throws: InputError when `folder` is no
/// folder.
RunData read_run(const std::string& folder, const ReadLimits& limits);

}  // namespace r1::metrics
