#pragma once
// The options of each command. Each function declares options that write to a CommandLine.
#include "command_line.h"

namespace CLI {
class App;
}

namespace r1::mpi {

/// Options of a stage.
void add_run_options(CLI::App& command, CommandLine& line);
/// Options of the stage generate, and of generate without a configuration
/// (commands/sample_records.cpp).
void add_generate_options(CLI::App& command, CommandLine& line);
void add_pipeline_options(CLI::App& command, CommandLine& line);
void add_score_options(CLI::App& command, CommandLine& line);
void add_tokenize_options(CLI::App& command, CommandLine& line);
void add_verify_options(CLI::App& command, CommandLine& line);
void add_convert_options(CLI::App& command, CommandLine& line);
void add_plan_options(CLI::App& command, CommandLine& line);
void add_init_options(CLI::App& command, CommandLine& line);
void add_checkpoint_options(CLI::App& command, CommandLine& line);
void add_report_options(CLI::App& command, CommandLine& line);

}  // namespace r1::mpi
