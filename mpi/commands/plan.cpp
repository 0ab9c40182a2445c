// plan and --check: print the resources that a configuration needs, and whether the configuration
// fits.
#include "plan/plan.h"

#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/log.h"
#include "command_table.h"
#include "commands/commands.h"
#include "config/print.h"
#include "device_choice.h"
#include "model_loading.h"
#include "model_path.h"
#include "models/classifier.h"
#include "models/model_size.h"
#include "plan/plan_search.h"
#include "plan/plan_table.h"
#include "stage_inputs.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;
using plan::NamedShape;
using plan::PlannedStage;

/// The shape of a model's files, where they are there: it wins over the configuration's.
void read_shape(const std::string& path, models::ModelOptions options, models::ModelShape& shape) {
  if (!model_exists(path)) return;
  options.path = find_model(path);
  shape = model_shape(options);
}

/// That of a classifier on top of a decoder; one like BERT is small beside the rest.
void read_classifier_shape(const std::string& path, models::ModelShape& shape) {
  if (!fs::exists(fs::path(path) / "config.json")) return;
  if (auto found = models::classifier_shape(path)) shape = std::move(*found);
}

void read_shapes(config::Config& config) {
  for (auto* model : {&config.model, &config.reference, &config.teacher})
    read_shape(model->path, *model, model->shape);
  for (auto& student : config.distill.students)
    read_shape(student.path, config.model, student.shape);
  for (auto* model : {&config.reward_model, &config.classifier})
    read_classifier_shape(model->path, model->shape);
  for (const auto& model : config.rewards.models)
    read_classifier_shape(model.path, config.scoring_shapes[model.name]);
}

/// The stage whose section the file fills; of several the first in this order: distill's and rl's
/// files have sections of other stages beside their own.
config::Stage stage_by_sections(const config::Config& config, const std::string& file) {
  using config::Stage;
  const auto given = config::config_json(config), defaults = config::config_json({});
  for (const auto stage :
       {Stage::Distill, Stage::Rl, Stage::Sft, Stage::Generate, Stage::Evaluate, Stage::Prepare})
    if (given.at(name_of(stage)) != defaults.at(name_of(stage))) return stage;
  throw base::ConfigError(
      fmt::format("{}: fills no stage's section; name the stage with --stage", file));
}

/// With the devices chosen: the file as `alone`, or without it the stages of its pipeline, or
/// without a pipeline the stage whose section it fills.
std::vector<PlannedStage> planned_stages(const config::LoadedConfig& loaded,
                                         const std::string& file,
                                         std::optional<config::Stage> alone) {
  const auto& listed = loaded.config.pipeline.stages;
  if (!alone && listed.empty()) alone = stage_by_sections(loaded.config, file);
  std::vector<PlannedStage> stages;
  if (alone) stages.push_back({config::name_of(*alone), *alone, loaded.config, 0});
  for (std::size_t i = 0; !alone && i < listed.size(); ++i)
    stages.push_back({listed[i].name, config::stage_named(listed[i].command, listed[i].name),
                      loaded.stages[i], listed[i].ranks});
  for (auto& stage : stages) choose_planned_device(stage.config);
  return stages;
}

/// The published models beside the configuration's folder: configs/models/NAME.toml.
std::vector<NamedShape> published_models(const std::string& config_file) {
  std::vector<NamedShape> models;
  const auto folder = fs::absolute(config_file).parent_path().parent_path() / "models";
  std::vector<fs::path> files;
  if (fs::is_directory(folder))
    for (const auto& entry : fs::directory_iterator(folder))
      if (entry.path().extension() == ".toml") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const auto& file : files) {
    const auto text = "[model]\ninclude = '" + file.string() + "'\n";
    const auto loaded = config::load_config_text(text, file.string(), {"plan", "", {}});
    models.push_back({file.stem().string(), loaded.config.model.shape});
  }
  std::sort(models.begin(), models.end(), [](const NamedShape& a, const NamedShape& b) {
    return models::count_parameters(a.shape).total() < models::count_parameters(b.shape).total();
  });
  return models;
}

std::int64_t ranks_to_plan(const CommandLine& line, const config::Config& config,
                           std::int64_t otherwise) {
  if (line.world_size > 0) return line.world_size;
  return config.plan.world_size > 0 ? config.plan.world_size : otherwise;
}

/// Prints each stage's plan; returns the number of misfits.
std::size_t print_plans(const std::vector<PlannedStage>& stages, const CommandLine& line,
                        std::int64_t ranks_started) {
  std::size_t misfits = 0;
  for (const auto& stage : stages) {
    const auto all = ranks_to_plan(line, stage.config, ranks_started);
    const auto planned = plan::make_plan(stage.config, stage.stage,
                                         stage.ranks > 0 ? std::min(stage.ranks, all) : all);
    if (stages.size() > 1) std::printf("== %s\n", stage.name.c_str());
    std::fputs(planned.text().c_str(), stdout);
    std::fputs((planned.fits() ? plan::faster_layout(stage.config, planned)
                               : plan::advice(stage.config, planned))
                   .c_str(),
               stdout);
    misfits += planned.misfits.size();
  }
  return misfits;
}

}  // namespace

int plan_command(const CommandLine& line) {
  const auto loaded = config::load_config({"plan", line.config, line.overrides});
  std::optional<config::Stage> alone;
  if (!line.stage.empty()) alone = config::stage_named(line.stage, "--stage");
  auto stages = planned_stages(loaded, line.config, alone);
  for (auto& stage : stages) read_shapes(stage.config);
  if (line.sweep) {
    for (const auto& stage : stages)
      if (config::traits(stage.stage).has_policy)
        std::fputs(plan::plan_sweep(stage, line.sweep->first, line.sweep->second).c_str(), stdout);
    return 0;
  }
  if (line.table) {
    auto models = published_models(line.config);
    if (!loaded.config.model.shape.empty())
      models.insert(models.begin(), {"[model]", loaded.config.model.shape});
    if (models.empty())
      throw base::ConfigError(fmt::format(
          "{}: no model to plan for: [model.shape] is empty and there is no ../models beside it",
          line.config));
    std::fputs(plan::plan_table(stages, models).c_str(), stdout);
    return 0;
  }
  const auto misfits = print_plans(stages, line, 1);
  if (misfits == 0) return 0;
  base::log_error("plan: {} does not fit: {} problem(s), see above", line.config, misfits);
  return static_cast<int>(base::ExitCode::BadInput);
}

int check_command(const CommandLine& line, int num_ranks) {
  const auto loaded = config::load_config({line.command, line.config, line.overrides});
  auto stages = planned_stages(loaded, line.config, find_command(line.command).stage);
  std::string problems;
  MissingInputs missing;
  for (const auto& stage : stages) {
    auto of_stage = missing.of(stage.config, stage.stage);
    for (auto& problem : input_problems(stage.config, stage.stage))
      of_stage.push_back(std::move(problem));
    for (const auto& problem : of_stage)
      problems += fmt::format("{}{}: {}", problems.empty() ? "" : "\n", stage.name, problem);
  }
  if (!problems.empty()) throw base::InputError(problems);
  for (auto& stage : stages) read_shapes(stage.config);
  const auto misfits = print_plans(stages, line, num_ranks);
  if (misfits > 0) base::log_warning("{}: does not fit as it is (see above)", line.config);
  std::printf("%s: the configuration is valid\n", line.config.c_str());
  return 0;
}

}  // namespace r1::mpi
