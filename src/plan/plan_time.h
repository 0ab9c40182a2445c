#pragma once
// The time model of plan: one step of a stage, and the start and checkpoints of a run, from
// operations, bytes and efficiencies.
#include "plan/plan.h"

namespace r1::plan {

/// Seconds of one step's parts. Shapes that are not known count as nothing (plan.notes says so).
StepTime estimate_step_time(const Config& config, const Plan& plan);

/// Seconds outside of the steps, from the memory in `plan`. Ranks read and write their own parts of
/// files, all at a time.
OutsideTime estimate_outside_time(const Config& config, const Plan& plan);

}  // namespace r1::plan
