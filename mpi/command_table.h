#pragma once
// The table of the program's commands, used by the command line, by main() and by the stages.
// config/stage.h lists the roles of a stage and its section of the configuration.
#include <optional>
#include <string>
#include <vector>

#include "base/errors.h"
#include "command_line.h"
#include "config/stage.h"

namespace CLI {
class App;
}

namespace r1::mpi {

class Environment;
class MpiCommunicator;
struct StageSetup;

enum class CommandKind {
  Stage,     // all ranks run the command in a run folder, with --config and --run-dir
  Pipeline,  // runs several stages in order
  Tool,      // one process runs the command, without a run folder
};

/// An option that a tool requires: the value, and the option's text in messages.
struct NeededOption {
  std::string CommandLine::*value;
  const char* text;
};

struct Command {
  using StageFunction = base::ExitCode (*)(Environment&, MpiCommunicator&, const StageSetup&);
  using ToolFunction = int (*)(const CommandLine&);

  const char* name;
  const char* help;
  CommandKind kind;
  /// Declares the options of the command; each option writes to the CommandLine.
  void (*add_options)(CLI::App&, CommandLine&);
  std::optional<config::Stage> stage = {};
  StageFunction run_stage = nullptr;
  /// For a stage: the function that runs if --config is missing.
  ToolFunction run_tool = nullptr;
  std::vector<NeededOption> needed = {};  // required by run_tool
};

/// In the order of --help.
const std::vector<Command>& commands();
/// Throws: InternalError for an unknown name, which parse_command_line would have refused.
const Command& find_command(const std::string& name);
const Command& command_of(config::Stage stage);

}  // namespace r1::mpi
