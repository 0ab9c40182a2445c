#pragma once
// The progress line: where the run is, how fast it goes, how long it will still take.
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace r1::metrics {

/// A stage of the pipeline, as the estimate needs it.
struct StagePlan {
  std::string name;
  std::string kind;                   // "rl", "sft", ...: stages of a kind take similar steps
  std::int64_t num_steps = 0;         // 0: unknown
  double planned_step_seconds = 0.0;  // of `plan`; 0: unknown
};

/// Time left, from measured steps. A stage that has not begun is estimated from its plan scaled by
/// how measured stages compared with theirs, else from a measured stage of its kind.
class TimeEstimate {
 public:
  explicit TimeEstimate(std::vector<StagePlan> stages) : stages_(std::move(stages)) {}

  /// Enters a stage of which `done_steps` are done already; earlier stages count as finished.
  void begin_stage(std::size_t index, std::int64_t done_steps);
  /// One step of the current stage took `seconds`.
  void step_done(double seconds);

  std::int64_t done_steps() const { return done_; }
  const StagePlan& stage() const { return stages_.at(current_); }
  /// Seconds; nothing while it is unknown.
  std::optional<double> stage_left() const;
  std::optional<double> pipeline_left() const;

 private:
  std::optional<double> step_seconds(const StagePlan& stage) const;

  std::vector<StagePlan> stages_;
  std::size_t current_ = 0;
  std::int64_t done_ = 0;
  std::deque<double> recent_;                   // of the current stage
  std::map<std::string, double> kind_seconds_;  // last measured step time by kind
  double plan_ratio_sum_ = 0.0;                 // measured / planned step time, over stages
  double plan_ratio_count_ = 0.0;
};

/// "rl1  step 120/1000  reward 0.412  8.1k tok/s  stage 1 h 02 min left  pipeline 5 h 40 min left".
/// A measure that is NaN is left out.
std::string progress_line(const TimeEstimate& estimate, const std::string& measure_name,
                          double measure, double tokens_per_second);

/// When a log gets a line besides those of a stage's first and last step.
struct ProgressInterval {
  std::int64_t steps = 0;  // after each multiple of this many steps; 0: by time
  double seconds = 30.0;   // where steps = 0: after the first step that ends so long after a line
};

/// Whether a log gets a line after `done` of `total` steps (0: unknown) when the line before is
/// `seconds_since` old.
bool is_log_line_due(const ProgressInterval& interval, std::int64_t done, std::int64_t total,
                     double seconds_since);

/// Prints the progress line: a terminal has one line that is written anew with each step, a log
/// gets lines in an interval.
class ProgressPrinter {
 public:
  explicit ProgressPrinter(ProgressInterval interval);
  void show(const TimeEstimate& estimate, const std::string& line);
  /// Ends the terminal's line.
  void finish();

 private:
  bool is_terminal_;
  ProgressInterval interval_;
  double last_shown_ = -1e300;
  std::size_t last_length_ = 0;
};

}  // namespace r1::metrics
