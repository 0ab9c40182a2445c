#pragma once
// The command line as plain data: the command and its arguments.
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace r1::mpi {

/// Fields that the command does not use keep their defaults.
struct CommandLine {
  std::string command;

  // Stage commands, pipeline, plan.
  std::string config;                  // TOML file
  std::vector<std::string> overrides;  // --set a.b=c; later overrides win
  std::string run_dir;
  std::string time_limit;  // "2:00:00"; empty: from Slurm or the configuration
  std::string only;        // pipeline: run only this stage
  bool check = false;
  bool allow_config_change = false;
  std::optional<std::int64_t> from_step;  // go back to this checkpoint

  // Plan.
  std::string stage;            // stage of the configuration; empty: by its sections
  std::int64_t world_size = 0;  // 0: [plan] world_size, or the number of started ranks
  bool table = false;
  std::optional<std::pair<std::int64_t, std::int64_t>> sweep;  // first and last number of ranks

  // Init.
  std::string data;
  std::string machine;     // as [plan] machine; empty: H100
  std::int64_t gpus = -1;  // 0: a run on the CPU; -1: not given

  // Tools.
  std::string model;
  std::string input;
  std::string output;
  std::string tokenizer;
  std::string dtype;   // empty: the command's default
  std::string format;  // convert: "hf" (also when empty), "checkpoint", "gguf"
  std::string device = "cpu";
  bool decode = false;
  bool skip_special = false;
  bool timing = false;
  std::int64_t batch_tokens = 8192;

  // checkpoint (commands/checkpoint.cpp).
  std::string action;  // list, verify, prune or export
  std::string folder;  // a run folder or its checkpoints
  std::string which;   // latest, best or a step; empty: all (list, verify), latest (export)
  std::int64_t keep_last = 3;
  std::int64_t keep_every = 0;

  // generate as a tool (commands/sample_records.cpp).
  bool greedy = false;
  bool ignore_eos = false;
  std::int64_t max_new = 256;
  std::int64_t num_samples = 1;
  std::int64_t batch_size = 64;
  std::int64_t seed = 1;
  double temperature = 1.0;
  double top_p = 1.0;
  std::int64_t top_k = 0;

  /// Whether one process runs the command: a tool, or a stage without a configuration.
  bool is_tool() const;
  /// Whether the command is a stage or the pipeline, called with "--config FILE --run-dir DIR".
  bool is_stage() const { return !is_tool(); }
};

/// The parsed command line, or a text that answers the command line (--help, --version).
struct ParsedCommandLine {
  CommandLine line;
  std::optional<std::string> answer;
};

/// Throws: ConfigError with a hint for an unknown command or option, a missing option, or an
/// invalid value.
ParsedCommandLine parse_command_line(int argc, const char* const* argv);

}  // namespace r1::mpi
