#include "metrics/timeline.h"

#include <fmt/format.h>

#include <chrono>
#include <fstream>
#include <new>
#include <nlohmann/json.hpp>

#include "base/errors.h"
#include "base/files.h"
#include "base/log.h"
#include "base/timer.h"
#include "metrics/jsonl.h"

namespace r1::metrics {
namespace {

constexpr std::int64_t kMaxEvery = std::int64_t{1} << 40;

double wall_seconds() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

std::string timeline_path(const std::string& folder, int rank) {
  return rank == 0 ? folder + "/timeline.jsonl"
                   : fmt::format("{}/timeline.{:05}.jsonl", folder, rank);
}

Timeline::Timeline(const Options& options)
    : options_(options),
      path_(timeline_path(options.folder, options.rank)),
      wall_start_(options.start_time < 0 ? wall_seconds() : options.start_time),
      monotonic_start_(base::monotonic_seconds()) {
  if (!options_.enabled) return;
  cut_back_jsonl(path_, options_.last_step);
  for_each_line(path_, [this](std::string_view, bool) { ++num_rows_; });
}

Timeline::~Timeline() {
  flush();
}

double Timeline::now() const {
  return wall_start_ + base::monotonic_seconds() - monotonic_start_;
}

void Timeline::begin_step(std::int64_t step) {
  const std::lock_guard lock(mutex_);
  step_ = step;
}

void Timeline::record(const std::string& name, std::int64_t step, double begin, double end) {
  const std::lock_guard lock(mutex_);
  if (step < 0) step = step_;
  if (!options_.enabled) return;
  if (step % every_ != 0 || num_pending_ >= options_.max_spans) return;
  nlohmann::ordered_json row;
  row["rank"] = options_.rank;
  row["role"] = options_.role;
  row["name"] = name;
  row["step"] = step;
  row["begin"] = begin;
  row["end"] = end;
  pending_ += row.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n";
  ++num_pending_;
}

// A span may end because memory did: it is lost then, and the first error goes on.
Timeline::Span::~Span() {
  try {
    timeline_.record(name_, step_, begin_, timeline_.now());
  } catch (const std::bad_alloc&) {
  }
}

void Timeline::flush() {
  const std::lock_guard lock(mutex_);
  if (num_pending_ == 0) return;
  std::ofstream(path_, std::ios::binary | std::ios::app) << pending_;
  num_rows_ += num_pending_;
  pending_.clear();
  num_pending_ = 0;
  if (num_rows_ > options_.max_spans) thin_out();
}

void Timeline::thin_out() {
  std::string kept;
  while (num_rows_ > options_.max_spans / 2 && every_ < kMaxEvery) {
    every_ *= 2;
    kept.clear();
    num_rows_ = 0;
    for_each_line(path_, [&](std::string_view line, bool complete) {
      const auto row = nlohmann::json::parse(line, nullptr, false);
      if (!complete || !row.is_object() || row.value("step", std::int64_t{0}) % every_ != 0) return;
      kept.append(line).push_back('\n');
      ++num_rows_;
    });
  }
  try {
    base::write_file_atomically(path_, kept);
  } catch (const base::InputError& error) {
    base::log_warning("{}; the timeline is not thinned out", error.what());
  }
}

}  // namespace r1::metrics
