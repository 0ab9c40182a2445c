#pragma once
// Commands that one process runs: small tools over JSONL, conversion, planning, report.
//
// Each returns the exit code. Throws: ConfigError for options, InputError naming file and line for
// input. JSONL tools copy each record with all of its fields, in their order, and add their own;
// the output appears under its name only when it is complete.
#include "command_line.h"

namespace r1::mpi {

/// {"ids": […]} or {"text": …} (+ "position_ids") -> + "ids", "logprobs" [n - 1].
int score_command(const CommandLine& line);
/// generate as a tool: {"text": …} or {"ids": […]} -> + "prompt_ids", "completion_ids", "logprobs",
/// "finish_reason" and, where there is a tokenizer, "completion". With --samples N: N records of
/// each, "sample" 0..N-1.
int sample_records_command(const CommandLine& line);
/// {"text": …} -> + "ids"; --decode: {"ids": […]} -> + "text".
int tokenize_command(const CommandLine& line);
/// {"gold": …, "pred": …} -> + "verdict" (equal, different, unknown), "score", "reason", "rule";
/// --timing: + "microseconds".
int verify_command(const CommandLine& line);
/// Hugging Face folder, GGUF file or checkpoint folder -> Hugging Face folder or checkpoint.
int convert_command(const CommandLine& line);
/// checkpoint list|verify|prune|export DIR. verify returns 2 when one is refused.
int checkpoint_command(const CommandLine& line);
/// Ranks, memory, time; returns 2 when something does not fit.
int plan_command(const CommandLine& line);
/// Writes the page and prints the evaluation's table.
int report_command(const CommandLine& line);
/// Prints every key of a configuration.
int options_command(const CommandLine& line);
/// --check of a stage command: validates, prints who runs where and the memory; what is missing or
/// does not fit is a warning.
int check_command(const CommandLine& line, int num_ranks);

}  // namespace r1::mpi
