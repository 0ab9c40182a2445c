#pragma once
// The stages of the recipe. Each is text that every rank reads: every call in it is made by all
// ranks in the same order, and the role objects decide what this rank does.
#include "command_line.h"
#include "environment.h"
#include "run.h"

namespace r1::mpi {

/// Loads the configuration and runs the stage (or the pipeline) that the command line names.
/// Returns an exit code of the program. Collective over: world.
int run_stage_command(const CommandLine& command_line, Environment& environment);

/// One stage with a resolved configuration. Collective over: world.
base::ExitCode run_stage(Environment& environment, MpiCommunicator& world, const StageSetup& setup);

base::ExitCode run_rl(Environment& environment, MpiCommunicator& world, const StageSetup& setup);

}  // namespace r1::mpi
