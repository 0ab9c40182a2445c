#pragma once
// The program's commands: one table, which the command line, main() and the stages ask. What roles
// a stage has, and its section of the configuration: config/stage.h.
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
  Stage,     // all ranks run it in a run folder, with --config and --run-dir
  Pipeline,  // stages in order
  Tool,      // one process runs it, without a run folder
};

/// An option without which a tool cannot work: its value, and how messages write it.
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
  /// Declares the command's options; each writes into the line.
  void (*add_options)(CLI::App&, CommandLine&);
  std::optional<config::Stage> stage = {};
  StageFunction run_stage = nullptr;
  /// Of a stage: what the command does where it is given no --config.
  ToolFunction run_tool = nullptr;
  std::vector<NeededOption> needed = {};  // by run_tool
};

/// In the order of --help.
const std::vector<Command>& commands();
/// Throws: InternalError for a name that parse_command_line would refuse.
const Command& find_command(const std::string& name);
const Command& command_of(config::Stage stage);

}  // namespace r1::mpi
