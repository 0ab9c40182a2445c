// The evaluation table of the report: a score, and its interval as text and as a small picture.
#include "metrics/report/sections.h"

#include <fmt/format.h>

#include <algorithm>

#include "metrics/text.h"

namespace r1::metrics {
namespace {

constexpr double kBarWidth = 120.0;

double position(double share) {
  return kBarWidth * std::clamp(share, 0.0, 1.0);
}

std::string picture(const Score& score) {
  std::string svg = fmt::format(
      "<svg class=\"score\" viewBox=\"0 0 {0} 12\" aria-hidden=\"true\"><rect class=\"track\" "
      "y=\"4\" "
      "width=\"{0}\" height=\"4\" rx=\"2\"/><rect class=\"bar\" y=\"4\" width=\"{1:.1f}\" "
      "height=\"4\" "
      "rx=\"2\"/>",
      kBarWidth, position(score.value));
  if (score.low && score.high)
    svg +=
        fmt::format("<path class=\"whisker\" d=\"M{0:.1f} 2V10M{0:.1f} 6H{1:.1f}M{1:.1f} 2V10\"/>",
                    position(*score.low), position(*score.high));
  return svg + "</svg>";
}

std::string cell(const std::optional<Score>& score, double best) {
  if (!score) return "<td class=\"num quiet\">–</td>";
  std::string html = fmt::format("<td class=\"num{}\"><span class=\"pass\">{}</span>",
                                 score->value >= best ? " best" : "", format_percent(score->value));
  if (score->low && score->high)
    html += fmt::format("<span class=\"interval\">{:.1f} – {:.1f}</span>", 100 * *score->low,
                        100 * *score->high);
  html += picture(*score);
  if (score->num_problems > 0)
    html += fmt::format("<span class=\"quiet size\">{} problems{}</span>", score->num_problems,
                        score->num_samples > score->num_problems
                            ? fmt::format(", {} samples", score->num_samples)
                            : "");
  return html + "</td>";
}

}  // namespace

std::string render_evaluation(const RunData& run) {
  const Evaluation& evaluation = run.evaluation;
  if (evaluation.empty()) return "";
  std::vector<double> best(evaluation.suites.size(), 0.0);
  for (const auto& row : evaluation.scores)
    for (std::size_t suite = 0; suite < row.size(); ++suite)
      if (row[suite]) best[suite] = std::max(best[suite], row[suite]->value);
  std::string html =
      "<section id=\"evaluation\"><h2>Evaluation</h2><p class=\"quiet\">pass@1; the range is the "
      "confidence interval, the best model of a suite is bold</p><div class=\"scroll\"><table "
      "class=\"evaluation\"><thead><tr><th>model</th>";
  for (const std::string& suite : evaluation.suites)
    html += "<th class=\"num\">" + escape_html(suite) + "</th>";
  html += "</tr></thead><tbody>";
  for (std::size_t m = 0; m < evaluation.models.size(); ++m) {
    html += "<tr><th scope=\"row\">" + escape_html(evaluation.models[m]) + "</th>";
    for (std::size_t suite = 0; suite < best.size(); ++suite)
      html += cell(evaluation.scores[m][suite], best[suite]);
    html += "</tr>";
  }
  return html + "</tbody></table></div></section>";
}

}  // namespace r1::metrics
