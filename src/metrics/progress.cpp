#include "metrics/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>

#include "base/log.h"
#include "base/timer.h"
#include "metrics/text.h"

namespace r1::metrics {
namespace {

constexpr std::size_t kRecentSteps = 50;
constexpr double kTerminalSeconds = 0.2;

}  // namespace

void TimeEstimate::begin_stage(std::size_t index, std::int64_t done_steps) {
  if (const auto measured = recent_.empty() ? std::nullopt : step_seconds(stage())) {
    kind_seconds_[stage().kind] = *measured;
    if (stage().planned_step_seconds > 0) {
      plan_ratio_sum_ += *measured / stage().planned_step_seconds;
      plan_ratio_count_ += 1.0;
    }
  }
  recent_.clear();
  current_ = index;
  done_ = done_steps;
}

void TimeEstimate::step_done(double seconds) {
  ++done_;
  recent_.push_back(seconds);
  if (recent_.size() > kRecentSteps) recent_.pop_front();
}

std::optional<double> TimeEstimate::step_seconds(const StagePlan& stage) const {
  if (&stage == &stages_[current_] && !recent_.empty()) {
    const double sum = std::accumulate(recent_.begin(), recent_.end(), 0.0);
    return sum / static_cast<double>(recent_.size());
  }
  if (stage.planned_step_seconds > 0) {
    double ratio_sum = plan_ratio_sum_, ratio_count = plan_ratio_count_;
    const StagePlan& running = stages_[current_];
    if (&stage != &running && !recent_.empty() && running.planned_step_seconds > 0) {
      ratio_sum += *step_seconds(running) / running.planned_step_seconds;
      ratio_count += 1.0;
    }
    return stage.planned_step_seconds * (ratio_count > 0 ? ratio_sum / ratio_count : 1.0);
  }
  if (stage.kind == stages_[current_].kind && !recent_.empty())
    return step_seconds(stages_[current_]);
  const auto known = kind_seconds_.find(stage.kind);
  return known == kind_seconds_.end() ? std::nullopt : std::optional<double>(known->second);
}

std::optional<double> TimeEstimate::stage_left() const {
  const auto seconds = step_seconds(stage());
  if (!seconds || stage().num_steps <= 0) return std::nullopt;
  return *seconds * static_cast<double>(std::max<std::int64_t>(stage().num_steps - done_, 0));
}

std::optional<double> TimeEstimate::pipeline_left() const {
  auto left = stage_left();
  for (std::size_t i = current_ + 1; left && i < stages_.size(); ++i) {
    const auto seconds = step_seconds(stages_[i]);
    if (!seconds || stages_[i].num_steps <= 0) return std::nullopt;
    *left += *seconds * static_cast<double>(stages_[i].num_steps);
  }
  return left;
}

std::string progress_line(const TimeEstimate& estimate, const std::string& measure_name,
                          double measure, double tokens_per_second) {
  const StagePlan& stage = estimate.stage();
  std::string line = fmt::format("{}  step {}", stage.name, estimate.done_steps());
  if (stage.num_steps > 0) line += fmt::format("/{}", stage.num_steps);
  if (!std::isnan(measure)) line += fmt::format("  {} {}", measure_name, format_number(measure));
  if (tokens_per_second > 0) line += fmt::format("  {} tok/s", format_short(tokens_per_second));
  const bool finished = stage.num_steps > 0 && estimate.done_steps() >= stage.num_steps;
  const auto stage_left = estimate.stage_left();
  const auto pipeline_left = estimate.pipeline_left();
  if (stage_left && !finished) line += fmt::format("  stage {} left", format_duration(*stage_left));
  if (pipeline_left && pipeline_left != stage_left && *pipeline_left > 0.0)
    line += fmt::format("  pipeline {} left", format_duration(*pipeline_left));
  return line;
}

bool is_log_line_due(const ProgressInterval& interval, std::int64_t done, std::int64_t total,
                     double seconds_since) {
  if (done <= 1 || done == total) return true;
  return interval.steps > 0 ? done % interval.steps == 0 : seconds_since >= interval.seconds;
}

ProgressPrinter::ProgressPrinter(ProgressInterval interval)
    : is_terminal_(::isatty(STDERR_FILENO) == 1), interval_(interval) {}

void ProgressPrinter::show(const TimeEstimate& estimate, const std::string& line) {
  const std::int64_t done = estimate.done_steps();
  const double now = base::monotonic_seconds();
  const ProgressInterval interval =
      is_terminal_ ? ProgressInterval{0, kTerminalSeconds} : interval_;
  if (!is_log_line_due(interval, done, estimate.stage().num_steps, now - last_shown_)) return;
  last_shown_ = now;
  if (!is_terminal_) {
    base::log_info_line(line);
    return;
  }
  const std::size_t blank = last_length_ > line.size() ? last_length_ - line.size() : 0;
  fmt::print(stderr, "\r{}{}", line, std::string(blank, ' '));
  last_length_ = line.size();
  if (done == estimate.stage().num_steps) finish();  // what is printed next begins a line
  std::fflush(stderr);
}

void ProgressPrinter::finish() {
  if (is_terminal_ && last_length_ > 0) fmt::print(stderr, "\n");
  last_length_ = 0;
}

}  // namespace r1::metrics
