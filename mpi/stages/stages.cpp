#include "stages/stages.h"

#include "base/errors.h"
#include "base/log.h"
#include "call_registry.h"
#include "caught_error.h"
#include "checkpoint/catalog.h"
#include "collective_errors.h"
#include "command_table.h"
#include "device_choice.h"
#include "supported.h"
#include "watchdog.h"
#include "watchdog_channel.h"

namespace r1::mpi {
namespace {

/// What a run that diverged can go back to.
std::string way_back(const std::string& checkpoints) {
  const auto good = checkpoint::newest_good(checkpoints);
  if (!good) return fmt::format("; {} holds no good checkpoint to go back to", checkpoints);
  return fmt::format(
      "; the last good checkpoint is that of step {}: --from-step {} goes back to it (change what "
      "made "
      "the run diverge, with --allow-config-change)",
      *good, *good);
}

}  // namespace

base::ExitCode run_stage(Environment& environment, MpiCommunicator& world,
                         const StageSetup& setup) {
  require_supported(setup.config);
  try {
    return command_of(setup.stage).run_stage(environment, world, setup);
  } catch (const base::NumericalError&) {
    auto error = describe_current_exception();
    error.message += way_back(setup.folder + "/checkpoints");
    if (error.coordinated) throw_coordinated(error);
    throw base::NumericalError(error.message);
  }
}

int run_stage_command(const CommandLine& command_line, Environment& environment) {
  MpiCommunicator world(MPI_COMM_WORLD, "world", Patience::Role);
  base::log_set_rank(world.rank(), world.rank() == 0);
  auto overrides = command_line.overrides;
  if (!command_line.time_limit.empty())
    overrides.push_back("run.time_limit=\"" + command_line.time_limit + "\"");
  config::LoadedConfig loaded;
  coordinate_errors(
      world,
      [&] {
        loaded = config::load_config({command_line.command, command_line.config, overrides});
        if (command_line.run_dir.empty())
          throw base::ConfigError("--run-dir: expected the folder of the run");
        config::expand_run_folder(loaded.config, command_line.run_dir);
      },
      "configuration");
  environment.set_patience(10.0 + loaded.config.communication.watchdog_seconds);
  const Watchdog watchdog(CallRegistry::instance(), make_mpi_watchdog_channel(),
                          {.collective = loaded.config.communication.watchdog_seconds},
                          environment.host());
  const auto& command = find_command(command_line.command);
  if (!command.stage || config::traits(*command.stage).has_policy) choose_devices(world, loaded);
  if (command.kind == CommandKind::Pipeline)
    return static_cast<int>(run_pipeline(environment, world, loaded, command_line));
  StageSetup setup;
  setup.config = loaded.config;
  setup.stage = command.stage.value();
  setup.name = command.name;
  setup.folder = command_line.run_dir;
  setup.allow_config_change = command_line.allow_config_change;
  setup.from_step = command_line.from_step;
  return static_cast<int>(run_stage(environment, world, setup));
}

}  // namespace r1::mpi
