#pragma once
// The parts of the report page; each returns the HTML of one <section>, or nothing when the run has
// no data for it.
#include <cstddef>
#include <string>

#include "metrics/report/run_data.h"

namespace r1::metrics {

/// The class that carries a stage's colour through the whole page ("c0" ... "c7").
std::string stage_colour(std::size_t stage);
/// "01-rl_stage1" -> "rl_stage1"; the folder's name in the title attribute.
std::string stage_label(const std::string& name);

std::string render_head(const RunData& run);         // title, facts, headline numbers
std::string render_evaluation(const RunData& run);   // model x suite with intervals
std::string render_stages(const RunData& run);       // one row a stage: before and after
std::string render_curves(const RunData& run);       // inline SVG
std::string render_transcripts(const RunData& run);  // sampled completions
std::string render_timeline(const RunData& run);     // lanes by rank, waiting by role
std::string render_appendix(const RunData& run);     // configuration and what was not readable

/// The page's style sheet and script.
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace r1::metrics
