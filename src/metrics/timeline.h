#pragma once
// The timeline of a rank: named spans of time in timeline.jsonl, bounded in size, for the report.
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace r1::metrics {

/// The file of rank `rank`: FOLDER/timeline.jsonl for rank 0, FOLDER/timeline.00003.jsonl for rank
/// 3. No two processes share a file. The report reads all of these files.
std::string timeline_path(const std::string& folder, int rank);

/// Collects the spans of one rank and appends them as rows {rank, role, name, step, begin, end},
/// with times in Unix seconds. The wall clock is read once at the start and continued by a
/// monotonic clock, so a clock that is set back does no harm. The file holds at most `max_spans`
/// rows: at this limit, every second kept step is dropped. Thread-safe. Collective over: none.
class Timeline {
 public:
  struct Options {
    std::string folder;
    int rank = 0;
    std::string role;             // "policy", "policy+reference", ...
    std::int64_t last_step = -1;  // rows of later steps are removed at the start
    double start_time = -1.0;     // current Unix seconds, agreed by all ranks; negative: own clock
    std::int64_t max_spans = 20000;
    bool enabled = true;
  };

  /// Throws: InputError if the file cannot be truncated.
  explicit Timeline(const Options& options);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// Unix seconds on the clock of the timeline.
  double now() const;
  /// From now on, spans recorded with a negative step belong to `step`.
  void begin_step(std::int64_t step);
  void record(const std::string& name, std::int64_t step, double begin, double end);
  /// Writes the recorded spans; once per step is enough. If the write fails, the spans are lost and
  /// the run continues.
  void flush();

  /// A span that lasts from construction to destruction.
  class Span {
   public:
    Span(Timeline& timeline, std::string name, std::int64_t step)
        : timeline_(timeline), name_(std::move(name)), step_(step), begin_(timeline.now()) {}
    ~Span();
    Span(const Span&) = delete;
    Span& operator=(const Span&) = delete;

   private:
    Timeline& timeline_;
    std::string name_;
    std::int64_t step_;
    double begin_;
  };
  Span span(std::string name, std::int64_t step) { return {*this, std::move(name), step}; }

 private:
  void thin_out();

  Options options_;
  std::string path_;
  double wall_start_;
  double monotonic_start_;
  mutable std::mutex mutex_;
  std::int64_t step_ = 0;
  std::string pending_;
  std::int64_t num_pending_ = 0;
  std::int64_t num_rows_ = 0;
  std::int64_t every_ = 1;  // only steps divisible by this number are kept
};

}  // namespace r1::metrics
