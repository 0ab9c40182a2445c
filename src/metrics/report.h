#pragma once
// The report: a run folder as one self-contained HTML page.
#include <cstddef>
#include <string>

#include "metrics/report/evaluation.h"

namespace r1::metrics {

/// What to show and how much of it.
struct ReportInput {
  std::string folder;            // a run folder, or a pipeline's with stages/NN-name/
  std::string title;             // empty: the folder's name
  std::size_t max_points = 400;  // a curve
  std::size_t max_samples = 12;  // transcripts a stage
  std::size_t max_spans = 3000;  // timeline spans a stage
};

/// The page: no network, styles, pictures and script inside; light and dark. Files that are missing
/// are left out, damaged ones are named in the page. All text from files is escaped.
/// Throws: InputError when the folder does not exist.
std::string render_report(const ReportInput& input);

}  // namespace r1::metrics
