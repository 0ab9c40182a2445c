#pragma once
// The stage commands: prepare, rl, sft, generate, distill, evaluate, pipeline.
#include "command_line.h"
#include "environment.h"

namespace r1::mpi {

/// Runs the stage or pipeline that the command line names and returns the exit code.
/// Collective over: world. Throws: ConfigError, InputError and whatever ends a stage.
int run_stage_command(const CommandLine& line, Environment& environment);

}  // namespace r1::mpi
