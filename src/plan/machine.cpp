#include "plan/machine.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "base/ranges.h"
#include "config/suggestion.h"
#include "config/toml_reader.h"
#include "plan/machine_files.h"

namespace r1::plan {
namespace {

/// Reads and checks; every problem of the file in one error.
Machine read_machine(const config::TomlDocument& document,
                     std::vector<config::LocatedProblem> problems) {
  Machine machine;
  config::TomlReader(document, problems, {}).read(machine);
  base::Problems found;
  machine.check("", found);
  if (problems.empty())
    for (const base::Problem& problem : found.list())
      problems.push_back({document.origin_of(problem.key), problem.key, problem.message});
  std::string text;
  for (const config::LocatedProblem& problem : problems)
    text += (text.empty() ? "" : "\n") + problem.text();
  if (!text.empty()) throw base::ConfigError(text);
  return machine;
}

Machine load_machine(const std::string& name) {
  std::vector<config::LocatedProblem> problems;
  for (const auto& [known, text] : kMachineFiles)
    if (name == known) {
      const config::TomlDocument document = config::parse_toml_text(text, name + ".toml", problems);
      return read_machine(document, problems);
    }
  if (!std::filesystem::is_regular_file(name)) {
    const auto nearest = config::nearest_name(name, machine_names());
    throw base::ConfigError(
        fmt::format("plan.machine: expected auto, {} or a TOML file, found \"{}\"{}",
                    fmt::join(machine_names(), ", "), name,
                    nearest.empty() ? std::string() : fmt::format(" (did you mean {}?)", nearest)));
  }
  const config::TomlDocument document = config::parse_toml_file(name, problems);
  return read_machine(document, problems);
}

}  // namespace

std::vector<std::string> machine_names() {
  std::vector<std::string> names;
  for (const auto& file : kMachineFiles) names.emplace_back(file.first);
  std::sort(names.begin(), names.end());
  return names;
}

Machine find_machine(const PlanOptions& plan, const std::string& device) {
  const std::string automatic = device == "cuda" ? "H100" : "cpu";
  const std::string& name = plan.machine == "auto" ? automatic : plan.machine;
  Machine machine = load_machine(name);
  machine.name = std::filesystem::path(name).stem().string();
  if (plan.memory_gb > 0.0) machine.memory_gb = plan.memory_gb;
  if (plan.train_efficiency > 0.0) machine.train_efficiency = plan.train_efficiency;
  if (plan.generate_efficiency > 0.0) machine.generate_efficiency = plan.generate_efficiency;
  return machine;
}

}  // namespace r1::plan
