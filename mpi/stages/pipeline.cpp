// Runs all stages in order inside one allocation. A finished stage is skipped. If a stage stops
// early, the command ends. finished_stages.h defines what a finished stage keeps.
#include "base/files.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/timer.h"
#include "collective_errors.h"
#include "metrics/report.h"
#include "stage_inputs.h"
#include "stages/finished_stages.h"
#include "stages/stages.h"

namespace r1::mpi {
namespace {

std::string model_folder(const std::string& run_folder, const config::StageOptions& stage) {
  return run_folder + "/models/" + (stage.output.empty() ? stage.name : stage.output);
}

/// The model that a stage starts from: `from` names an earlier stage.
std::string start_model(const std::string& run_folder,
                        const std::vector<config::StageOptions>& stages,
                        const config::StageOptions& stage) {
  for (const auto& earlier : stages)
    if (earlier.name == stage.from) return model_folder(run_folder, earlier);
  throw base::ConfigError(
      fmt::format("pipeline.stages.{}.from: no stage '{}'", stage.name, stage.from));
}

StageSetup setup_of(const config::LoadedConfig& loaded, std::size_t index,
                    const std::string& run_folder, bool allow_change) {
  const auto& stages = loaded.config.pipeline.stages;
  StageSetup setup;
  setup.config = loaded.stages[index];
  config::expand_run_folder(setup.config, run_folder);
  setup.stage =
      config::stage_named(stages[index].command, fmt::format("pipeline.stages[{}].command", index));
  setup.name = stages[index].name;
  setup.folder = fmt::format("{}/stages/{:02}-{}", run_folder, index + 1, stages[index].name);
  setup.model_folder = model_folder(run_folder, stages[index]);
  setup.students_folder = run_folder + "/models/distilled";
  setup.allow_config_change = allow_change;
  if (!stages[index].from.empty()) {
    setup.config.model.path = start_model(run_folder, stages, stages[index]);
    setup.config.model.init = "load";
    if (setup.config.model.tokenizer != "bytes") setup.config.model.tokenizer.clear();
  }
  return setup;
}

/// Deletes what no stage that is still to be done needs. Called by one rank.
void tidy(const config::LoadedConfig& loaded, const std::string& run_folder) {
  std::vector<StageSetup> done, open;
  for (std::size_t i = 0; i < loaded.stages.size(); ++i) {
    auto setup = setup_of(loaded, i, run_folder, false);
    (is_done(setup) ? done : open).push_back(std::move(setup));
  }
  for (const auto& stage : done) {
    remove_checkpoints(stage, open);
    if (stage.config.checkpoint.narrow_when_done) narrow_models(stage, open);
  }
}

/// The first `ranks` of the world (0: all of it) run the stage, the other ranks wait for them.
/// Collective over: world.
base::ExitCode run_on_ranks(Environment& environment, MpiCommunicator& world,
                            const StageSetup& setup, std::int64_t ranks) {
  if (ranks == 0 || ranks == world.size()) return run_stage(environment, world, setup);
  const auto part =
      world.split(world.rank() < ranks ? 0 : -1, world.rank(), "stage", Patience::Role);
  const auto code = part ? run_stage(environment, *part, setup) : base::ExitCode::Done;
  return static_cast<base::ExitCode>(static_cast<int>(world.all_reduce_scalar(
      static_cast<int>(code), parallel::ReduceOp::Max, "end of a stage on fewer ranks")));
}

void require_ranks(const std::vector<config::StageOptions>& stages, int num_ranks) {
  for (const auto& stage : stages)
    if (stage.ranks > num_ranks)
      throw base::ConfigError(
          fmt::format("pipeline.stages.{}.ranks: expected at most the {} ranks started, found {}",
                      stage.name, num_ranks, stage.ranks));
}

/// What no earlier stage makes must be there before the first stage works for days. Called by one
/// rank.
void require_inputs(const config::LoadedConfig& loaded, const CommandLine& command_line) {
  std::string problems;
  MissingInputs missing;
  for (std::size_t i = 0; i < loaded.stages.size(); ++i) {
    const auto setup = setup_of(loaded, i, command_line.run_dir, false);
    auto config = loaded.stages[i];
    if (!loaded.config.pipeline.stages[i].from.empty()) config.model.path.clear();
    const auto of_stage = missing.of(config, setup.stage);
    const bool wanted = command_line.only.empty() || setup.name == command_line.only;
    if (!wanted || is_done(setup)) continue;
    for (const auto& path : of_stage)
      problems += fmt::format("{}{}: {}", problems.empty() ? "" : "\n", setup.name, path);
  }
  if (!problems.empty()) throw base::InputError(problems);
}

void write_report(const std::string& run_folder) {
  base::write_file_atomically(run_folder + "/report.html",
                              metrics::render_report({.folder = run_folder, .title = ""}));
  base::log_info("report: {}/report.html", run_folder);
}

}  // namespace

base::ExitCode run_pipeline(Environment& environment, MpiCommunicator& world,
                            const config::LoadedConfig& loaded, const CommandLine& command_line) {
  const auto& stages = loaded.config.pipeline.stages;
  const auto& run_folder = command_line.run_dir;
  require_ranks(stages, world.size());
  if (command_line.from_step && command_line.only.empty())
    throw base::ConfigError("--from-step: a pipeline needs --only STAGE: which stage goes back");
  first_rank_alone(
      world, [&] { require_inputs(loaded, command_line); }, "inputs");
  bool found = command_line.only.empty();
  bool worked = false;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    if (!command_line.only.empty() && stages[i].name != command_line.only) continue;
    found = true;
    auto setup = setup_of(loaded, i, run_folder, command_line.allow_config_change);
    setup.from_step = command_line.from_step;
    const bool finished = is_done(setup);
    world.barrier("looking for finished stages");
    if (finished) continue;
    base::log_info("stage {} of {}: {} ({})", i + 1, stages.size(), setup.name,
                   config::name_of(setup.stage));
    const base::Stopwatch watch;
    worked = true;
    const auto code = run_on_ranks(environment, world, setup, stages[i].ranks);
    if (code != base::ExitCode::Done) return code;
    base::return_free_memory();
    first_rank_alone(
        world,
        [&] {
          mark_done(setup, watch.seconds());
          tidy(loaded, run_folder);
        },
        "end of stage");
  }
  if (!found)
    throw base::ConfigError(
        fmt::format("--only: no stage '{}' in the pipeline", command_line.only));
  first_rank_alone(
      world,
      [&] {
        tidy(loaded, run_folder);  // after a start that ended between two of these steps
        if (!worked) base::log_info("all {} stages of {} are done", stages.size(), run_folder);
        write_report(run_folder);
      },
      "report");
  return base::ExitCode::Done;
}

}  // namespace r1::mpi
