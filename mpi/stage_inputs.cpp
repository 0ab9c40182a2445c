#include "stage_inputs.h"

#include <algorithm>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>

#include "base/errors.h"
#include "config/judges.h"
#include "config/stage_roles.h"
#include "data/dataset_folder.h"
#include "data/missing_answers.h"
#include "data/preference.h"
#include "data/record_reader.h"
#include "data/sft.h"
#include "model_loading.h"
#include "model_path.h"
#include "rewards/applicable_parts.h"
#include "rewards/registry.h"
#include "rewards/requirements.h"
#include "rewards/tools/turn_rules.h"

namespace r1::mpi {
namespace {

namespace fs = std::filesystem;
using config::Stage;

bool is_there(const std::string& path) {
  return !path.empty() && (fs::exists(path) || data::is_dataset_folder(path));
}

std::string normal(const std::string& path) {
  return fs::path(path).lexically_normal().string();
}

/// The models that the stage loads, as key and path.
void add_models(const config::Config& config, Stage stage,
                std::multimap<std::string, std::string>& list) {
  if (stage == Stage::Evaluate && !config.evaluate.models.empty()) {
    for (const auto& model : config.evaluate.models)
      list.emplace("evaluate.models." + model.name + ".path", model.path);
  } else if (stage == Stage::Distill && !config.distill.students.empty()) {
    for (const auto& student : config.distill.students)
      list.emplace("distill.students." + student.name + ".path", student.path);
  } else if (config.model.init != "random") {
    list.emplace("model.path", config.model.path);
  }
  const auto roles = config::stage_roles(config, stage);
  const auto has = [&roles](const char* role) {
    return std::find(roles.begin(), roles.end(), role) != roles.end();
  };
  if (has("reference")) list.emplace("reference.path", config.reference.path);
  if (has("teacher")) list.emplace("teacher.path", config.teacher.path);
  if (stage == Stage::Sft && has("reward")) list.emplace("classifier.path", config.classifier.path);
  if (config::traits(stage).answers)
    for (const auto& judge : config::judges(config, config.rewards))
      list.emplace(judge.key + ".path", judge.model.path);
}

/// Every model, file and folder that the stage reads, as key and path; a path may be empty.
std::multimap<std::string, std::string> named_inputs(const config::Config& config, Stage stage) {
  std::multimap<std::string, std::string> list;
  const auto add = [&list](const std::string& key, const std::vector<std::string>& files) {
    for (const auto& file : files) list.emplace(key, file);
  };
  if (config::traits(stage).has_policy) add_models(config, stage, list);
  if (stage == Stage::Prepare) {
    for (const auto& source : config.prepare.sources) list.emplace("prepare.sources", source.path);
    add("prepare.decontaminate", config.prepare.decontaminate);
  } else if (stage == Stage::Evaluate) {
    for (const auto& suite : config.evaluate.suites)
      list.emplace("evaluate.suites." + suite.name + ".path", suite.path);
  } else {
    add("data.files", config.data.files);
    add("data.held_out_files", config.data.held_out_files);
  }
  if (stage == Stage::Rl) {
    list.emplace("rl.coldstart.path", config.rl.coldstart.path);
    for (const auto& change : config.rl.changes) add("rl.changes.files", change.files);
  }
  return list;
}

/// Collects what goes wrong; one thing does not hide another.
class InputCheck {
 public:
  InputCheck(const config::Config& config, Stage stage) : config_(config), stage_(stage) {}

  std::vector<std::string> run() {
    if (config::traits(stage_).has_policy) attempt([this] { read_text_model(); });
    if (stage_ == Stage::Prepare) {
      for (const auto& source : config_.prepare.sources)
        if (!source.path.ends_with(".h5") && !source.path.ends_with(".hdf5"))
          use_first(source.path, [](const auto&, const auto&) {});
      for (const auto& file : config_.prepare.decontaminate)
        use_first(file, [](const auto&, const auto&) {});
    } else if (stage_ == Stage::Evaluate) {
      for (const auto& suite : config_.evaluate.suites)
        use_first(suite.path, [&](const auto& record, const auto& where) {
          const auto problem = data::make_problem(record, config_.data, where);
          render(problem);
          require_answer(problem, rewards::scorer_options(config_.rewards, suite.scorer),
                         "evaluate.suites." + suite.name);
        });
    } else {
      check_data();
    }
    if (config::traits(stage_).answers) {
      attempt([this] { check_external_command(); });
      attempt([this] { check_tools(); });
    }
    return std::move(problems_);
  }

 private:
  void attempt(const std::function<void()>& work) {
    try {
      work();
    } catch (const base::Error& error) {
      problems_.emplace_back(error.what());
    }
  }

  /// The tokenizer and the chat template, where the model's files are there.
  void read_text_model() {
    auto model = config_.model;
    if (model.init != "random") {
      if (!model_exists(model.path)) return;
      model.path = find_model(model.path);
    }
    const auto shape = config::traits(stage_).trains ? trained_shape(model) : model_shape(model);
    const auto text = load_text_model(model, shape.vocab_size);
    const auto& tags = config_.rewards.tags;
    const std::time_t now = std::time(nullptr);
    renderer_.emplace(config_.data, data::RenderTags{tags.think, tags.answer, tags.forced_opening},
                      text.tokenizer, *std::localtime(&now));
    if (stage_ == Stage::Sft || stage_ == Stage::Distill) (void)renderer_->end_token();
    if (config::traits(stage_).answers && config_.rollout.tools.used())
      (void)rewards::tools::TurnRules(config_.rollout.tools, text.tokenizer);
  }

  void render(const data::Problem& problem) {
    if (renderer_) (void)renderer_->text(problem);
  }

  /// Calls `use` with the first record of a file that is there.
  void use_first(const std::string& path,
                 const std::function<void(const nlohmann::json&, const std::string&)>& use) {
    if (!is_there(path)) return;
    attempt([&] {
      std::string where;
      const auto record = data::first_record(path, where);
      if (where.empty()) throw base::InputError(path + ": no record in it");
      use(record, where);
    });
  }

  void check_data() {
    const bool learns =
        stage_ == Stage::Sft || (stage_ == Stage::Distill && !config_.distill.on_policy);
    auto files = config_.data.files;
    files.insert(files.end(), config_.data.held_out_files.begin(),
                 config_.data.held_out_files.end());
    for (const auto& file : files)
      use_first(file, [&](const auto& record, const auto& where) {
        learns ? read_sample(record, where) : read_problem(record, where);
      });
    if (stage_ == Stage::Rl)
      use_first(config_.rl.coldstart.path,
                [this](const auto& record, const auto& where) { read_sample(record, where); });
  }

  void read_sample(const nlohmann::json& record, const std::string& where) {
    if (!renderer_) return;
    if (stage_ == Stage::Sft && config_.sft.learns_pairs()) {
      const auto preference = data::read_preference(record, config_.data, where);
      if (config_.sft.objective == "dpo")
        (void)data::preference_samples(preference, *renderer_, config_.data, where);
      return;
    }
    (void)data::sft_text(record, *renderer_, config_.data, where,
                         data::loss_on_of(config_.sft.loss_on));
  }

  void read_problem(const nlohmann::json& record, const std::string& where) {
    const auto problem = data::make_problem(record, config_.data, where);
    render(problem);
    if (stage_ == Stage::Rl) require_answer(problem, config_.rewards, "[data]");
  }

  void require_answer(const data::Problem& problem, const rewards::RewardOptions& rewards,
                      const std::string& label) const {
    if (!rewards::needs_answer(rewards, problem.record)) return;
    if (const auto missing = data::find_missing_answers({problem}, config_.data);
        missing.number > 0)
      throw base::InputError(label + ": " + missing.message);
  }

  void check_external_command() {
    if (const auto program = rewards::missing_program(config_.rewards); !program.empty())
      throw base::InputError(
          fmt::format("rewards.external.command: {} is no program that can be run here", program));
  }

  void check_tools() {
    if (const auto program = rewards::tools::missing_program(config_.rollout.tools);
        !program.empty())
      throw base::ConfigError(fmt::format("rollout.tools.{}: {} is no program that can be run here",
                                          config_.rollout.tools.kind, program));
  }

  const config::Config& config_;
  Stage stage_;
  std::optional<data::PromptRenderer> renderer_;
  std::vector<std::string> problems_;
};

}  // namespace

std::vector<std::string> MissingInputs::of(const config::Config& config, Stage stage) {
  std::vector<std::string> missing;
  for (const auto& [key, path] : named_inputs(config, stage)) {
    const bool is_made = path.find("{run}") != std::string::npos || made_.contains(normal(path));
    if (!path.empty() && !is_made && !is_there(path) && !model_exists(path))
      missing.push_back(fmt::format("{}: {} does not exist", key, path));
  }
  if (stage == Stage::Prepare) made_.insert(normal(config.prepare.output));
  if (stage == Stage::Generate) made_.insert(normal(config.generate.output));
  return missing;
}

std::vector<std::string> input_problems(const config::Config& config, Stage stage) {
  return InputCheck(config, stage).run();
}

}  // namespace r1::mpi
