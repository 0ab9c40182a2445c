#include "command_table.h"

#include <algorithm>

#include "command_options.h"
#include "commands/commands.h"
#include "stages/stages.h"

namespace r1::mpi {
namespace {

using config::Stage;

const NeededOption kConfig{&CommandLine::config, "--config FILE"};
const NeededOption kRunFolder{&CommandLine::run_dir, "--run-dir DIR"};
const NeededOption kModel{&CommandLine::model, "--model DIR"};
const NeededOption kData{&CommandLine::data, "--data FILE"};
const NeededOption kTokenizer{&CommandLine::tokenizer, "--tokenizer DIR"};
const NeededOption kInput{&CommandLine::input, "--input FILE"};
const NeededOption kOutput{&CommandLine::output, "--output FILE"};

Command stage(Stage which, const char* help, Command::StageFunction run) {
  return {config::name_of(which), help, CommandKind::Stage, add_run_options, which, run};
}

Command tool(const char* name, const char* help, void (*add_options)(CLI::App&, CommandLine&),
             Command::ToolFunction run, std::vector<NeededOption> needed) {
  return {name, help, CommandKind::Tool, add_options, {}, nullptr, run, std::move(needed)};
}

std::vector<Command> make_commands() {
  auto generate = stage(Stage::Generate,
                        "Samples of a model over a prompt set, filtered; or as a tool with --model",
                        run_generate);
  generate.add_options = add_generate_options;
  generate.run_tool = sample_records_command;
  generate.needed = {kModel, kInput, kOutput};
  return {
      stage(Stage::Prepare, "Raw data -> training records: checked, deduplicated, decontaminated",
            run_prepare),
      stage(Stage::Rl, "Reinforcement learning, stages 1 and 2 (PPO or GRPO)", run_rl),
      stage(Stage::Sft, "Supervised fine-tuning: cold start, SFT 1, SFT 2", run_sft),
      std::move(generate),
      stage(Stage::Distill, "Teacher -> student, by logits or text", run_distill),
      stage(Stage::Evaluate, "Benchmarks -> evaluation_results.json and a table", run_evaluate),
      {"pipeline", "All stages in order in one allocation; finished ones are skipped",
       CommandKind::Pipeline, add_pipeline_options},
      tool("score", "Log-probabilities of texts under a model: JSONL in, \"logprobs\" added",
           add_score_options, score_command, {kModel, kInput, kOutput}),
      tool("tokenize", "Text <-> token ids: JSONL in, JSONL out", add_tokenize_options,
           tokenize_command, {kTokenizer, kInput, kOutput}),
      tool("verify", "Maths answers: \"gold\" against \"pred\" -> a verdict", add_verify_options,
           verify_command, {kInput, kOutput}),
      tool("convert",
           "Models between formats: Hugging Face folder, GGUF file or checkpoint -> Hugging Face "
           "folder (or checkpoint, GGUF file)",
           add_convert_options, convert_command, {kInput, kOutput}),
      tool("checkpoint",
           "Checkpoints of a run: list, verify, prune, export as a Hugging Face folder",
           add_checkpoint_options, checkpoint_command, {}),
      tool("plan", "Who runs where, memory, time and what does not fit; needs no allocation",
           add_plan_options, plan_command, {kConfig}),
      tool("init", "A first configuration for a model and a data file, after reading both",
           add_init_options, init_command, {kModel, kData}),
      tool("report", "A run folder -> one HTML page, and the evaluation's table",
           add_report_options, report_command, {kRunFolder}),
      tool("options", "Every key of a configuration, as configs/README.md",
           [](CLI::App&, CommandLine&) {}, options_command, {}),
  };
}

template <class Predicate>
const Command& find(const Predicate& is_it, const std::string& what) {
  const auto found = std::find_if(commands().begin(), commands().end(), is_it);
  R1_CHECK(found != commands().end(), "no command {}", what);
  return *found;
}

}  // namespace

const std::vector<Command>& commands() {
  static const std::vector<Command> table = make_commands();
  return table;
}

const Command& find_command(const std::string& name) {
  return find([&](const Command& command) { return command.name == name; }, name);
}

const Command& command_of(Stage stage) {
  return find([&](const Command& command) { return command.stage == stage; },
              config::name_of(stage));
}

}  // namespace r1::mpi
