#include "metrics/report.h"

#include <fmt/format.h>

#include <array>

#include "base/version.h"
#include "metrics/report/sections.h"
#include "metrics/text.h"

namespace r1::metrics {
namespace {

struct Section {
  const char* id;
  const char* title;
  std::string (*render)(const RunData&);
};

constexpr std::array<Section, 6> kSections{{{"evaluation", "Evaluation", render_evaluation},
                                            {"stages", "Stages", render_stages},
                                            {"curves", "Curves", render_curves},
                                            {"samples", "Samples", render_transcripts},
                                            {"timeline", "Timeline", render_timeline},
                                            {"appendix", "Configuration", render_appendix}}};

}  // namespace

std::string render_report(const ReportInput& input) {
  ReadLimits limits;
  limits.max_points = input.max_points;
  limits.max_samples = input.max_samples;
  limits.max_spans = input.max_spans;
  RunData run = read_run(input.folder, limits);
  if (!input.title.empty()) run.title = input.title;
  std::string links = "<a href=\"#summary\">Summary</a>", body = render_head(run);
  for (const Section& section : kSections) {
    const std::string html = section.render(run);
    if (html.empty()) continue;
    links += fmt::format("<a href=\"#{}\">{}</a>", section.id, section.title);
    body += html;
  }
  // The policy makes sure that not even a mistake of ours lets the page reach the network.
  return fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">"
      "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src "
      "'unsafe-inline'; script-src 'unsafe-inline'\">"
      "<title>{}</title><style>{}</style></head><body><nav>{}<button type=\"button\" "
      "id=\"theme\">light / dark</button></nav><main>{}<footer>r1mpi {}</footer></main>"
      "<div id=\"tip\"></div><script>{}</script></body></html>\n",
      escape_html(run.title), kPageStyle, links, body, base::kVersion, kPageScript);
}

}  // namespace r1::metrics
