#pragma once
// The stages of the recipe. All ranks make every call of a stage in the same order, and the role
// objects decide what this rank does.
#include "command_line.h"
#include "config/load.h"
#include "environment.h"
#include "run.h"

namespace r1::mpi {

/// Loads the configuration and runs the stage (or the pipeline) of the command line. Returns the
/// exit code of the program. Collective over: world.
int run_stage_command(const CommandLine& command_line, Environment& environment);

/// Runs one stage with a resolved configuration. Collective over: world.
base::ExitCode run_stage(Environment& environment, MpiCommunicator& world, const StageSetup& setup);

base::ExitCode run_prepare(Environment& environment, MpiCommunicator& world,
                           const StageSetup& setup);
base::ExitCode run_rl(Environment& environment, MpiCommunicator& world, const StageSetup& setup);
base::ExitCode run_sft(Environment& environment, MpiCommunicator& world, const StageSetup& setup);
base::ExitCode run_generate(Environment& environment, MpiCommunicator& world,
                            const StageSetup& setup);
base::ExitCode run_distill(Environment& environment, MpiCommunicator& world,
                           const StageSetup& setup);
base::ExitCode run_evaluate(Environment& environment, MpiCommunicator& world,
                            const StageSetup& setup);

/// Runs all stages of a configuration in order and skips finished stages. `only`: run only this
/// stage.
base::ExitCode run_pipeline(Environment& environment, MpiCommunicator& world,
                            const config::LoadedConfig& loaded, const CommandLine& command_line);

}  // namespace r1::mpi
