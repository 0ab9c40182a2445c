#pragma once
// Which curve is drawn where, and under which title: the known metric names, and rules for others.
#include <string>
#include <vector>

namespace r1::metrics {

struct ChartKind {
  std::string section;
  std::string title;
  bool percent = false;  // a share in [0, 1]
  int order = 0;         // inside its section
};

/// Headings in the page's order.
const std::vector<std::string>& chart_sections();
/// Where a metric belongs. Unknown names are sorted by what they contain; the last section takes
/// the rest, so that nothing that was measured is hidden.
ChartKind chart_kind(const std::string& metric);
/// Names that count steps and need no curve.
bool is_counter(const std::string& metric);

}  // namespace r1::metrics
