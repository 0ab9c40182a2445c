#pragma once
// The report: a run folder rendered as one self-contained HTML page.
#include <cstddef>
#include <string>

#include "metrics/report/evaluation.h"

namespace r1::metrics {

/// The run to show, and limits on the amount of data.
struct ReportInput {
  std::string folder;            // a run folder, or a pipeline's run folder with stages/NN-name/
  std::string title;             // empty: the folder's name
  std::size_t max_points = 400;  // per curve
  std::size_t max_samples = 12;  // per stage
  std::size_t max_spans = 3000;  // per stage
};

/// Renders the page. Styles, pictures and script are inside the page, which needs no network and
/// supports light and dark mode. Missing files are left out; the page names damaged files. All text
/// from files is escaped. Throws: InputError if the folder does not exist.
std::string render_report(const ReportInput& input);

}  // namespace r1::metrics
