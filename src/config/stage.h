#pragma once
// The stages of the recipe: the one place that says what configuration and plan must know of each.
// What a stage does is in mpi/stages/; the program's table of commands is mpi/command_table.h.
#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace r1::config {

/// Each stage is a command and has a section of its own in the configuration.
enum class Stage { Prepare, Rl, Sft, Generate, Distill, Evaluate };

/// What a stage does with the policy, its model.
struct StageTraits {
  Stage stage;
  const char* name;  // of the command and of the section
  bool has_policy;   // runs a model on the policy's ranks
  bool trains;       // changes the policy's weights
  bool answers;      // the policy samples answers to prompts, which [rewards] score
};

inline constexpr std::array<StageTraits, 6> kStages = {{
    {Stage::Prepare, "prepare", false, false, false},
    {Stage::Rl, "rl", true, true, true},
    {Stage::Sft, "sft", true, true, false},
    {Stage::Generate, "generate", true, false, true},
    {Stage::Distill, "distill", true, true, false},
    {Stage::Evaluate, "evaluate", true, false, true},
}};

constexpr const StageTraits& traits(Stage stage) {
  return kStages[static_cast<std::size_t>(stage)];
}

constexpr const char* name_of(Stage stage) {
  return traits(stage).name;
}

/// The stage of that name, if there is one.
std::optional<Stage> find_stage(std::string_view name);

/// The same. Throws: ConfigError "WHERE: expected one of …".
Stage stage_named(std::string_view name, const std::string& where);

std::vector<std::string> stage_names();

}  // namespace r1::config
