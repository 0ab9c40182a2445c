#pragma once
// What each rank did when: spans in timeline.jsonl, bounded in size, for the report.
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>

namespace r1::metrics {

/// Where rank `rank` writes: FOLDER/timeline.jsonl for rank 0, FOLDER/timeline.00003.jsonl for
/// rank 3, so that no two processes share a file. The report reads all of them.
std::string timeline_path(const std::string& folder, int rank);

/// Collects the spans of one rank and appends them as rows {rank, role, name, step, begin, end},
/// times in Unix seconds: the wall clock is read once, at the start, and carried on by a monotonic
/// clock, so a clock that steps back does no harm. The file holds at most `max_spans` rows: when
/// they are reached, every second kept step is dropped. Thread-safe. Collective over: none.
class Timeline {
 public:
  struct Options {
    std::string folder;
    int rank = 0;
    std::string role;             // "policy", "policy+reference", ...
    std::int64_t last_step = -1;  // rows of later steps are cut off at the start
    double start_time = -1.0;     // Unix seconds now, agreed by all ranks; negative: own clock
    std::int64_t max_spans = 20000;
    bool enabled = true;
  };

  /// Throws: InputError when the file cannot be cut back.
  explicit Timeline(const Options& options);
  ~Timeline();
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// Unix seconds on the timeline's clock.
  double now() const;
  /// Spans without a step of their own (negative) belong to this one from now on.
  void begin_step(std::int64_t step);
  void record(const std::string& name, std::int64_t step, double begin, double end);
  /// Writes what was recorded; once a step is enough. A disk that refuses costs the spans, not the
  /// run.
  void flush();

  /// Records from construction to destruction.
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
  std::int64_t every_ = 1;  // only steps divisible by this are kept
};

}  // namespace r1::metrics
