#pragma once
// The section and title of each curve: a table of known metric names, and rules for other names.
#include <string>
#include <vector>

namespace r1::metrics {

struct ChartKind {
  std::string section;
  std::string title;
  bool percent = false;  // a share in [0, 1]
  int order = 0;         // position inside the section
};

/// Section headings in the order of the page.
const std::vector<std::string>& chart_sections();
/// The section of a metric. Unknown names are sorted by substrings; the last section takes all
/// remaining names, so that every recorded metric is shown.
ChartKind chart_kind(const std::string& metric);
/// Whether a metric counts steps and needs no curve.
bool is_counter(const std::string& metric);

}  // namespace r1::metrics
