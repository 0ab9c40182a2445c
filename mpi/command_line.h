#pragma once
// The command line as plain data: which command, and what it was given.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace r1::mpi {

/// Fields that a command does not know keep their defaults.
struct CommandLine {
  std::string command;

  // Stage commands, pipeline, plan.
  std::string config;                  // TOML file
  std::vector<std::string> overrides;  // --set a.b=c, later ones win
  std::string run_dir;
  std::string time_limit;  // "2:00:00"; empty: Slurm's or the configuration's
  std::string only;        // pipeline: this stage alone
  bool check = false;
  bool allow_config_change = false;
  std::optional<std::int64_t> from_step;  // go back to this checkpoint

  // Plan.
  std::string stage;            // which stage a configuration is for; empty: by its sections
  std::int64_t world_size = 0;  // 0: [plan] world_size, or the ranks started
  bool table = false;
  std::optional<std::pair<std::int64_t, std::int64_t>> sweep;  // ranks, first to last

  // Tools.
  std::string model;
  std::string input;
  std::string output;
  std::string tokenizer;
  std::string dtype;   // empty: the command's default
  std::string format;  // convert: "hf" or "checkpoint"
  std::string device = "cpu";
  bool decode = false;
  bool skip_special = false;
  bool timing = false;
  std::int64_t batch_tokens = 8192;

  // Checkpoint (commands/checkpoint.cpp).
  std::string action;  // list, verify, prune or export
  std::string folder;  // a run folder or its checkpoints
  std::string which;   // latest, best or a step; empty: all (list, verify), latest (export)
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;

  // Generate as a tool (commands/sample_records.cpp).
  bool greedy = false;
  bool ignore_eos = false;
  std::int64_t max_new = 256;
  std::int64_t num_samples = 1;
  std::int64_t batch_size = 64;
  std::int64_t seed = 1;
  double temperature = 1.0;
  double top_p = 1.0;
  std::int64_t top_k = 0;

  /// A command that one process runs: a tool, or a stage that has a form without configuration.
  bool is_tool() const;
  /// A stage or the pipeline, in the form "--config FILE --run-dir DIR".
  bool is_stage() const { return !is_tool(); }
};

/// What was understood: a command line, or a text that answers it (--help, --version).
struct ParsedCommandLine {
  CommandLine line;
  std::optional<std::string> answer;
};

/// Throws: ConfigError with a hint for an unknown command or option, a missing one, or a value that
/// is none.
ParsedCommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace r1::mpi
