// report: renders a run folder as one HTML page, and prints its evaluation as a table.
#include <cstdio>
#include <filesystem>

#include "base/files.h"
#include "base/log.h"
#include "commands/commands.h"
#include "config/document.h"
#include "metrics/report.h"

namespace r1::mpi {

int report_command(const CommandLine& line) {
  const auto page = line.output.empty()
                        ? (std::filesystem::path(line.run_dir) / "report.html").string()
                        : line.output;
  base::write_file_atomically(page, metrics::render_report({line.run_dir, {}}));
  std::string note;
  const auto evaluation = metrics::read_evaluation(line.run_dir, note);
  if (!note.empty()) base::log_warning("{}", note);
  std::fputs(metrics::render_table(evaluation).c_str(), stdout);
  base::log_info("report: {}", page);
  return 0;
}

int options_command(const CommandLine&) {
  std::fputs(config::document_options().c_str(), stdout);
  return 0;
}

}  // namespace r1::mpi
