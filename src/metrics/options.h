#pragma once
// [metrics]: the records that a run writes about itself.
#include <cstdint>
#include <string>

#include "base/options.h"

namespace r1::metrics {

struct MetricsOptions {
  bool tensorboard = true;
  std::int64_t samples_per_step = 4;
  std::int64_t samples_every = 10;
  bool timeline = true;
  std::int64_t timeline_ranks = 64;
  std::int64_t timeline_spans = 20000;
  double progress_seconds = 30.0;

  void visit(base::OptionVisitor& v) {
    v("tensorboard", tensorboard, "write TensorBoard event files beside metrics.jsonl");
    v("samples_per_step", samples_per_step, "transcripts written to samples.jsonl at such a step");
    v("samples_every", samples_every, "steps between transcripts; 0: none");
    v("timeline", timeline, "record what each rank does when (timeline.jsonl)");
    v("timeline_ranks", timeline_ranks, "only ranks below this record, so that files stay few");
    v("timeline_spans", timeline_spans, "rows kept per rank; beyond it steps are thinned out");
    v("progress_seconds", progress_seconds,
      "seconds between progress lines in a log where run.log_every = 0");
  }
  void check(const std::string& key, base::Problems& problems) const {
    const auto at_least = [&](bool ok, const char* name, const char* expected) {
      problems.require(ok, key + "." + name, std::string("expected ") + expected);
    };
    at_least(samples_per_step >= 0, "samples_per_step", "0 or more");
    at_least(samples_every >= 0, "samples_every", "0 (none) or more");
    at_least(timeline_ranks >= 0, "timeline_ranks", "0 or more");
    at_least(timeline_spans >= 100, "timeline_spans", "100 or more");
    at_least(progress_seconds >= 0, "progress_seconds", "0 or more");
  }
};

}  // namespace r1::metrics
