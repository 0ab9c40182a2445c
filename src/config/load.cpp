#include "config/load.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <set>

#include "config/algorithm_defaults.h"
#include "config/checks.h"
#include "config/toml_override.h"
#include "config/toml_reader.h"

namespace r1::config {
namespace {

const std::set<std::string>& stage_keys() {
  static const std::set<std::string> keys = [] {
    std::set<std::string> names;
    for (const OptionNode& child : option_tree(StageOptions{}).children) names.insert(child.key);
    return names;
  }();
  return keys;
}

/// Before anything else is read: other defaults depend on the algorithm.
void apply_algorithm_defaults(const TomlDocument& document, Config& config) {
  const auto kind = document.table["advantage"]["kind"].value<std::string>();
  if (kind) set_algorithm_defaults(*kind, config);
}

/// Loading in progress: the problems of all files and stages.
class Loader {
 public:
  explicit Loader(const LoadRequest& request) : request_(request) {
    for (const std::string& text : request.overrides) {
      Override assignment;
      if (parse_override(text, assignment, problems_)) overrides_.push_back(std::move(assignment));
    }
  }

  std::vector<LocatedProblem>& problems() { return problems_; }
  LoadedConfig load(TomlDocument document);

 private:
  void apply_overrides(TomlDocument& document);
  void check_stage_names(const std::vector<StageOptions>& stages);
  void apply_overrides_to_stage(TomlDocument& document, const StageOptions& stage,
                                std::size_t index);
  TomlDocument stage_document(const TomlDocument& document, const StageOptions& stage,
                              std::size_t index);
  void load_stages(const TomlDocument& document, LoadedConfig& loaded);
  Config load_stage(const TomlDocument& document, const StageOptions& stage, std::size_t index);
  void check(const Config& config, const std::string& command, bool model_from_stage,
             const TomlDocument& document, const std::string& stage, std::size_t first_problem);
  void report() const;

  const LoadRequest& request_;
  std::vector<Override> overrides_;
  std::vector<LocatedProblem> problems_;
};

/// Whether it sets something in a section of one stage. Such a key may lie in the stage's own file.
bool is_of_stage(const Override& assignment) {
  return assignment.path.size() > 4 && assignment.path[0] == "pipeline" &&
         assignment.path[1] == "stages";
}

void Loader::apply_overrides(TomlDocument& document) {
  for (const Override& assignment : overrides_)
    if (!is_of_stage(assignment)) apply_override(document, assignment, false, problems_);
}

/// A --set that names a stage which is not there.
void Loader::check_stage_names(const std::vector<StageOptions>& stages) {
  for (const Override& assignment : overrides_) {
    if (!is_of_stage(assignment)) continue;
    const std::string& wanted = assignment.path[2];
    bool found = false;
    for (std::size_t i = 0; i < stages.size(); ++i)
      found = found || wanted == stages[i].name || wanted == std::to_string(i);
    if (!found)
      problems_.push_back(
          {{"--set " + assignment.text, 0}, "pipeline.stages." + wanted, "there is no such stage"});
  }
}

/// Every --set wins over the stage's own files: a general one, and one that names this stage.
void Loader::apply_overrides_to_stage(TomlDocument& document, const StageOptions& stage,
                                      std::size_t index) {
  for (Override assignment : overrides_) {
    if (assignment.path.front() == "pipeline") {
      const bool this_stage =
          is_of_stage(assignment) &&
          (assignment.path[2] == stage.name || assignment.path[2] == std::to_string(index));
      if (!this_stage) continue;
      assignment.path.erase(assignment.path.begin(), assignment.path.begin() + 3);
    }
    apply_override(document, assignment, false, problems_);
  }
}

TomlDocument Loader::stage_document(const TomlDocument& document, const StageOptions& stage,
                                    std::size_t index) {
  const std::string key = fmt::format("pipeline.stages[{}]", index);
  TomlDocument result = document;
  result.table.erase("pipeline");
  if (!stage.config.empty()) {
    const Origin origin = document.origin_of(key + ".config");
    const auto path = std::filesystem::path(origin.line > 0 ? origin.file : "").parent_path();
    TomlDocument file = parse_toml_file((path / stage.config).string(), problems_);
    if (file.table.contains("pipeline"))
      problems_.push_back({file.origin_of("pipeline"), "pipeline", "a stage cannot be a pipeline"});
    file.table.erase("pipeline");
    merge(result, file);
  }
  const toml::table* item = document.table["pipeline"]["stages"][index].as_table();
  if (item != nullptr) {
    TomlDocument own = subdocument(document, key, *item);
    for (const std::string& stage_key : stage_keys()) own.table.erase(stage_key);
    merge(result, own);
  }
  apply_overrides_to_stage(result, stage, index);
  return result;
}

Config Loader::load_stage(const TomlDocument& document, const StageOptions& stage,
                          std::size_t index) {
  const std::size_t first_problem = problems_.size();
  const TomlDocument own = stage_document(document, stage, index);
  Config config;
  apply_algorithm_defaults(own, config);
  TomlReader(own, problems_, {}).read(config);
  check(config, stage.command, !stage.from.empty(), own, stage.name, first_problem);
  return config;
}

/// Passes 2 and 3; problems from `first_problem` on are those of reading this configuration.
void Loader::check(const Config& config, const std::string& command, bool model_from_stage,
                   const TomlDocument& document, const std::string& stage,
                   std::size_t first_problem) {
  std::set<std::string> known;
  for (std::size_t i = first_problem; i < problems_.size(); ++i) known.insert(problems_[i].key);
  base::Problems found;
  check_sections(config, found);
  check_combinations(config, find_stage(command), model_from_stage, found);
  for (const base::Problem& problem : found.list()) {
    if (known.count(problem.key) > 0) continue;  // a value that could not be read
    const Origin origin = document.origin_of(problem.key);
    const bool name_stage = !stage.empty() && origin.line == 0;
    problems_.push_back(
        {origin, problem.key, problem.message + (name_stage ? " (stage " + stage + ")" : "")});
  }
}

void Loader::report() const {
  std::string text;
  std::set<std::string> seen;
  for (const LocatedProblem& problem : problems_)
    if (seen.insert(problem.text()).second) text += (text.empty() ? "" : "\n") + problem.text();
  if (!text.empty()) throw base::ConfigError(text);
}

void Loader::load_stages(const TomlDocument& document, LoadedConfig& loaded) {
  const std::vector<StageOptions>& stages = loaded.config.pipeline.stages;
  base::Problems found;
  found.require(!stages.empty(), "pipeline.stages", "expected at least one [[pipeline.stages]]");
  loaded.config.pipeline.check("pipeline", found);
  check_stage_names(stages);
  for (const base::Problem& problem : found.list())
    problems_.push_back({document.origin_of(problem.key), problem.key, problem.message});
  for (std::size_t i = 0; i < stages.size(); ++i)
    loaded.stages.push_back(load_stage(document, stages[i], i));
}

LoadedConfig Loader::load(TomlDocument document) {
  if (document.table.empty()) report();  // a file that cannot be read has one problem: that
  apply_overrides(document);
  const OptionNode sections = option_tree(Config{});
  const auto is_stage_section = [&sections](const std::string& section, const std::string& key) {
    if (section.rfind("pipeline.stages[", 0) != 0 || section.find('.', 9) != std::string::npos)
      return false;
    return key != "pipeline" &&
           std::any_of(sections.children.begin(), sections.children.end(),
                       [&key](const OptionNode& node) { return node.key == key; });
  };
  LoadedConfig loaded;
  apply_algorithm_defaults(document, loaded.config);
  TomlReader(document, problems_, is_stage_section).read(loaded.config);
  const bool plans_stages = request_.command == "plan" && !loaded.config.pipeline.stages.empty();
  if (request_.command == "pipeline" || plans_stages) {
    load_stages(document, loaded);
  } else {
    loaded.config.pipeline.stages.clear();  // a command takes the file's own sections
    check(loaded.config, request_.command, false, document, "", 0);
  }
  report();
  return loaded;
}

/// Replaces a text inside all strings of an option struct.
class TextReplacer : public base::OptionVisitor {
 public:
  TextReplacer(std::string from, std::string to) : from_(std::move(from)), to_(std::move(to)) {}
  void operator()(const char*, bool&, const char*) override {}
  void operator()(const char*, std::int64_t&, const char*) override {}
  void operator()(const char*, double&, const char*) override {}
  void operator()(const char*, std::string& value, const char*) override { replace(value); }
  void operator()(const char*, std::vector<std::string>& values, const char*) override {
    for (std::string& value : values) replace(value);
  }
  void operator()(const char*, std::vector<std::int64_t>&, const char*) override {}
  void operator()(const char*, std::vector<double>&, const char*) override {}
  void operator()(const char*, base::FieldValues&, const char*) override {}
  void choice(const char*, std::string&, const std::vector<std::string>&, const char*) override {}

 protected:
  bool begin_section(const char*, const char*) override { return true; }
  void end_section() override {}
  std::size_t begin_list(const char*, std::size_t size, const char*) override { return size; }
  void begin_item(std::size_t) override {}
  void end_list() override {}

 private:
  void replace(std::string& text) const {
    for (std::size_t at = text.find(from_); at != std::string::npos;
         at = text.find(from_, at + to_.size()))
      text.replace(at, from_.size(), to_);
  }
  std::string from_, to_;
};

}  // namespace

LoadedConfig load_config(const LoadRequest& request) {
  Loader loader(request);
  TomlDocument document;
  document.name = "command line";
  if (!request.path.empty()) document = parse_toml_file(request.path, loader.problems());
  return loader.load(std::move(document));
}

LoadedConfig load_config_text(const std::string& text, const std::string& name,
                              const LoadRequest& request) {
  Loader loader(request);
  return loader.load(parse_toml_text(text, name, loader.problems()));
}

void expand_run_folder(Config& config, const std::string& run_folder) {
  TextReplacer replacer("{run}", run_folder);
  config.visit(replacer);
}

}  // namespace r1::config
