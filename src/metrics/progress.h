#pragma once
// The progress line: the position of the run, its speed, and the estimated remaining time.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1::metrics {

/// The data of a pipeline stage that the estimate needs.
struct StagePlan {
  std::string name;
  std::string kind;                   // "rl", "sft", ...: one kind has similar step times
  std::int64_t num_steps = 0;         // 0: unknown
  double planned_step_seconds = 0.0;  // estimate by `plan`; 0: unknown
};

/// Estimates the remaining time from measured steps. The estimate of a stage that has not begun is
/// the plan's time, multiplied by the ratio of measured to planned times of earlier stages; without
/// a plan, the estimate is the measured time of a stage of the same kind.
class TimeEstimate {
 public:
  explicit TimeEstimate(std::vector<StagePlan> stages) : stages_(std::move(stages)) {}

  /// Begins a stage with `done_steps` finished steps; earlier stages count as finished.
  void begin_stage(std::size_t index, std::int64_t done_steps);
  /// One step of the current stage took `seconds`.
  void step_done(double seconds);

  std::int64_t done_steps() const { return done_; }
  const StagePlan& stage() const { return stages_.at(current_); }
  /// Remaining seconds; nothing if unknown.
  std::optional<double> stage_left() const;
  std::optional<double> pipeline_left() const;

 private:
  std::optional<double> step_seconds(const StagePlan& stage) const;

  std::vector<StagePlan> stages_;
  std::size_t current_ = 0;
  std::int64_t done_ = 0;
  std::deque<double> recent_;                   // recent step times of the current stage
  std::map<std::string, double> kind_seconds_;  // last measured step time by kind
  double plan_ratio_sum_ = 0.0;                 // measured / planned step time, over stages
  double plan_ratio_count_ = 0.0;
};

/// "rl1  step 120/1000  reward 0.412  8.1k tok/s  stage 1 h 02 min left  pipeline 5 h 40 min left".
/// A NaN measure is left out.
std::string progress_line(const TimeEstimate& estimate, const std::string& measure_name,
                          double measure, double tokens_per_second);

/// When a log gets a progress line in addition to the lines of a stage's first and last step.
struct ProgressInterval {
  std::int64_t steps = 0;  // a line after each multiple of this number of steps; 0: by time
  double seconds = 30.0;   // with steps = 0: minimum time between lines
};

/// Whether a log gets a line after `done` of `total` steps (0: unknown). `seconds_since`: time
/// since the last line.
bool is_log_line_due(const ProgressInterval& interval, std::int64_t done, std::int64_t total,
                     double seconds_since);

/// Prints the progress line. On a terminal each step rewrites one line; a log gets new lines at an
/// interval.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(ProgressInterval interval);
  void show(const TimeEstimate& estimate, const std::string& line);
  /// Ends the line on a terminal.
  void finish();

 private:
  bool is_terminal_;
  ProgressInterval interval_;
  double last_shown_ = -1e300;
  std::size_t last_length_ = 0;
};

}  // namespace r1::metrics
