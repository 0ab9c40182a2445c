#pragma once
// Commands that one process runs: tools for JSONL, conversion, planning, report.
//
// Each command returns the exit code. Throws: ConfigError for options, InputError naming file and
// line for input. JSONL tools copy each record with all its fields in order and add new fields; the
// output file appears under its name only when it is complete.
#include "command_line.h"

namespace r1::mpi {

/// {"ids": […]} or {"text": …} (and "position_ids") -> adds "ids", "logprobs" [n - 1].
int score_command(const CommandLine& line);
/// generate as a tool: {"text": …} or {"ids": […]} -> adds "prompt_ids", "completion_ids",
/// "logprobs", "finish_reason" and, with a tokenizer, "completion". With --samples N: N output
/// records per input record, with "sample" 0..N-1.
int sample_records_command(const CommandLine& line);
/// {"text": …} -> adds "ids"; with --decode: {"ids": […]} -> adds "text".
int tokenize_command(const CommandLine& line);
/// {"gold": …, "pred": …} -> adds "verdict" (equal, different, unknown), "score", "reason", "rule";
/// with --timing: "microseconds".
int verify_command(const CommandLine& line);
/// Converts a Hugging Face folder, GGUF file or checkpoint folder to a Hugging Face folder or
/// checkpoint.
int convert_command(const CommandLine& line);
/// checkpoint list|verify|prune|export DIR. verify returns 2 if a checkpoint is refused.
int checkpoint_command(const CommandLine& line);
/// Prints ranks, memory and time; returns 2 if the configuration does not fit the machine.
int plan_command(const CommandLine& line);
/// Writes a configuration of RL or SFT for --model and --data that plan and --check accept.
int init_command(const CommandLine& line);
/// Writes the report page and prints the table of the evaluation.
int report_command(const CommandLine& line);
/// Prints every key of a configuration.
int options_command(const CommandLine& line);
/// --check of a stage command: validates the configuration, reads each model's config.json and the
/// first record of each data file, and prints the roles of the ranks and the memory. All problems
/// are reported together. Missing files and insufficient memory are warnings.
int check_command(const CommandLine& line, int num_ranks);

}  // namespace r1::mpi
