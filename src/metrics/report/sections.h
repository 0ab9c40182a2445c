#pragma once
// The sections of the report page. Each function returns the HTML of one <section>, or an empty
// text if the run has no data for the section.
#include <cstddef>
#include <string>

#include "metrics/report/run_data.h"

namespace r1::metrics {

/// The CSS class of a stage's colour on the whole page ("c0" ... "c7").
std::string stage_colour(std::size_t stage);
/// "01-rl_stage1" -> "rl_stage1".
std::string stage_label(const std::string& name);

std::string render_head(const RunData& run);         // title, facts, headline numbers
std::string render_evaluation(const RunData& run);   // model x suite with intervals
std::string render_stages(const RunData& run);       // one row per stage: before and after
std::string render_curves(const RunData& run);       // inline SVG
std::string render_transcripts(const RunData& run);  // sampled completions
std::string render_timeline(const RunData& run);     // lanes by rank, waiting by role
std::string render_appendix(const RunData& run);     // configuration and unreadable files

/// The page's style sheet and script.
extern const char* const kPageStyle;
extern const char* const kPageScript;

}  // namespace r1::metrics
