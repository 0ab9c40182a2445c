#pragma once
// What tools and environments did in a step's samples.
#include "data/types.h"
#include "metrics/aggregate.h"

namespace r1::mpi {

/// Declares turns (of the model, per sample), turn_tokens (sampled tokens of a turn), tool_tokens
/// (tokens of answers, per sample), tool_failure_share (answers whose status is not ok) and
/// tool_seconds (from a call until its answer was read).
void declare_turn_metrics(metrics::Aggregate& statistics);
void add_turn_metrics(metrics::Aggregate& statistics, const data::Completion& completion);

}  // namespace r1::mpi
