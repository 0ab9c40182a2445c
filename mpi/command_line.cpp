#include "command_line.h"

#include <CLI/CLI.hpp>

#include <algorithm>

#include "base/errors.h"
#include "base/version.h"
#include "command_table.h"
#include "config/suggestion.h"

namespace r1::mpi {
namespace {

constexpr const char* kFooter =
    "Exit codes: 0 done; 2 wrong configuration, command line or input; 3 failure; 75 stopped early "
    "with a checkpoint, start again.\n'r1mpi COMMAND --help' lists a command's options; 'r1mpi "
    "options' documents every key of a configuration.";

void add_commands(CLI::App& app, CommandLine& line) {
  for (const auto& command : commands()) {
    CLI::App* subcommand = app.add_subcommand(command.name, command.help);
    subcommand->footer(kFooter);
    command.add_options(*subcommand, line);
  }
}

/// The nearest known option of the command that was given.
std::string option_hint(const CLI::App& app, int argc, const char* const* argv) {
  const CLI::App* command = app.get_subcommands().empty() ? &app : app.get_subcommands().front();
  std::vector<std::string> known;
  for (const CLI::Option* option : command->get_options())
    for (const auto& name : option->get_lnames()) known.push_back("--" + name);
  for (int i = 1; i < argc; ++i) {
    std::string given = argv[i];
    given = given.substr(0, given.find('='));
    if (given.rfind("--", 0) != 0 || std::count(known.begin(), known.end(), given) > 0) continue;
    const auto nearest = config::nearest_name(given, known);
    return nearest.empty() ? "" : fmt::format("did you mean {}? ", nearest);
  }
  return "";
}

void check_command_name(const CLI::App& app, int argc, const char* const* argv) {
  std::vector<std::string> known;
  for (const CLI::App* command : app.get_subcommands({})) known.push_back(command->get_name());
  if (argc < 2) throw base::ConfigError("no command given; 'r1mpi --help' lists the commands");
  const std::string given = argv[1];
  if (given.rfind('-', 0) == 0 || std::count(known.begin(), known.end(), given) > 0) return;
  const auto nearest = config::nearest_name(given, known);
  throw base::ConfigError(fmt::format("unknown command '{}': {}'r1mpi --help' lists the commands",
                                      given,
                                      nearest.empty() ? "" : "did you mean " + nearest + "? "));
}

void require(const CommandLine& line, const NeededOption& option) {
  if ((line.*option.value).empty())
    throw base::ConfigError(fmt::format("{}: {} is missing; 'r1mpi {} --help' lists the options",
                                        line.command, option.text, line.command));
}

void check_needed_options(const CommandLine& line) {
  if (line.is_stage()) {
    require(line, {&CommandLine::config, "--config FILE"});
    if (!line.check) require(line, {&CommandLine::run_dir, "--run-dir DIR"});
    return;
  }
  const auto& command = find_command(line.command);
  const auto is_given = [&](const NeededOption& option) { return !(line.*option.value).empty(); };
  if (command.kind == CommandKind::Stage && !is_given(command.needed.front())) {
    std::string needed;
    for (const auto& option : command.needed) needed += std::string(" ") + option.text;
    throw base::ConfigError(
        fmt::format("{}: expected --config FILE --run-dir DIR, or{}", line.command, needed));
  }
  for (const auto& option : command.needed) require(line, option);
}

}  // namespace

bool CommandLine::is_tool() const {
  const auto& known = find_command(command);
  return known.run_tool != nullptr && (known.kind == CommandKind::Tool || config.empty());
}

ParsedCommandLine parse_command_line(int argc, const char* const* argv) {
  ParsedCommandLine parsed;
  CLI::App app("r1mpi: the DeepSeek-R1 training recipe as one MPI program", "r1mpi");
  app.set_version_flag("--version", fmt::format("r1mpi {} ({})", base::kVersion, base::kGitSha));
  app.footer(kFooter);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  add_commands(app, parsed.line);
  check_command_name(app, argc, argv);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    const auto chosen = app.get_subcommands();
    parsed.answer = chosen.empty() ? app.help() : chosen.front()->help("r1mpi");
    return parsed;
  } catch (const CLI::CallForVersion& version) {
    parsed.answer = std::string(version.what()) + "\n";
    return parsed;
  } catch (const CLI::ParseError& error) {
    const auto chosen = app.get_subcommands();
    const auto name = chosen.empty() ? "" : chosen.front()->get_name() + " ";
    throw base::ConfigError(fmt::format("{}; {}'r1mpi {}--help' lists the options", error.what(),
                                        option_hint(app, argc, argv), name));
  }
  parsed.line.command = app.get_subcommands().front()->get_name();
  check_needed_options(parsed.line);
  return parsed;
}

}  // namespace r1::mpi
