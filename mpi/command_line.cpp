#include "command_line.h"

#include <CLI/CLI.hpp>

#include <array>
#include <cinttypes>
#include <cstdio>

#include "base/errors.h"
#include "base/version.h"
#include "config/suggestion.h"

namespace r1::mpi {
namespace {

struct CommandText {
  const char* name;
  const char* help;
};

constexpr std::array<CommandText, 7> kStages = {{
    {"prepare", "Raw data -> training records: checked, deduplicated, decontaminated"},
    {"rl", "Reinforcement learning, stages 1 and 2 (PPO or GRPO)"},
    {"sft", "Supervised fine-tuning: cold start, SFT 1, SFT 2"},
    {"generate", "Samples of a model over a prompt set, filtered; or as a tool with --model"},
    {"distill", "Teacher -> student, by logits or text"},
    {"evaluate", "Benchmarks -> evaluation_results.json and a table"},
    {"pipeline", "All stages in order in one allocation; finished ones are skipped"},
}};

constexpr const char* kFooter =
    "Exit codes: 0 done; 2 wrong configuration, command line or input; 3 failure; 75 stopped early "
    "with a checkpoint, start again.\n'r1mpi COMMAND --help' lists a command's options; 'r1mpi "
    "options' documents every key of a configuration.";

CLI::App* add_command(CLI::App& app, const char* name, const std::string& help) {
  CLI::App* command = app.add_subcommand(name, help);
  command->footer(kFooter);
  return command;
}

void add_config_options(CLI::App* command, CommandLine& line) {
  command->add_option("--config", line.config, "TOML file; r1mpi options lists its keys")
      ->type_name("FILE");
  command
      ->add_option("--set", line.overrides,
                   "override one key, as in --set rl.steps=100 (may be repeated, later ones win)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
}

void add_run_options(CLI::App* command, CommandLine& line) {
  add_config_options(command, line);
  command
      ->add_option("--run-dir", line.run_dir,
                   "folder of the run: checkpoints, metrics, samples; an existing one is continued")
      ->type_name("DIR");
  command->add_flag("--check", line.check,
                    "validate the configuration, print who runs where and the memory, and stop");
  command
      ->add_option("--world-size", line.world_size,
                   "with --check: pretend this many ranks (default: the ranks started)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command->add_flag("--allow-config-change", line.allow_config_change,
                    "continue a run although keys changed that change its results");
  command
      ->add_option("--time-limit", line.time_limit,
                   "stop with a checkpoint before this much time is over (default: Slurm's limit)")
      ->type_name("H:MM:SS");
}

/// "8..1024".
std::pair<std::int64_t, std::int64_t> parse_sweep(const std::string& text) {
  std::int64_t first = 0, last = 0;
  char dots[3] = {}, rest = 0;
  const int found =
      std::sscanf(text.c_str(), "%" SCNd64 "%2[.]%" SCNd64 "%c", &first, dots, &last, &rest);
  if (found != 3 || std::string(dots) != ".." || first < 1 || last < first || last > 65536)
    throw base::ConfigError(
        "--sweep: expected FIRST..LAST with 1 <= FIRST <= LAST <= 65536, found \"" + text + "\"");
  return {first, last};
}

void add_files(CLI::App* command, CommandLine& line, const char* input, const char* output) {
  command->add_option("--input", line.input, input)->type_name("FILE");
  command->add_option("--output", line.output, output)->type_name("FILE");
}

void add_model_options(CLI::App* command, CommandLine& line) {
  command
      ->add_option("--model", line.model,
                   "Hugging Face folder, GGUF file, checkpoint or run folder")
      ->type_name("DIR");
  command
      ->add_option("--tokenizer", line.tokenizer,
                   "folder, GGUF file or \"bytes\"; default: the model's own")
      ->type_name("DIR");
  command
      ->add_option("--dtype", line.dtype, "fp32 (default), bf16 or fp64: weights and activations")
      ->type_name("TYPE");
  command->add_option("--device", line.device, "cpu (default) or cuda[:N]")->type_name("DEVICE");
}

void add_generate_tool(CLI::App* command, CommandLine& line) {
  add_model_options(command, line);
  add_files(command, line, "JSONL records with \"text\" or \"ids\"",
            "the same records with \"completion_ids\", \"completion\" and more");
  command->add_flag("--greedy", line.greedy, "the likeliest token instead of a draw");
  command->add_flag("--ignore-eos", line.ignore_eos, "go on after an end token");
  command->add_option("--max-new", line.max_new, "longest completion, tokens (256)")
      ->check(CLI::PositiveNumber);
  command->add_option("--samples", line.num_samples, "completions of each record (1)")
      ->check(CLI::PositiveNumber);
  command->add_option("--batch-size", line.batch_size, "sequences decoded at once (64)")
      ->check(CLI::PositiveNumber);
  command->add_option("--seed", line.seed, "seed of the draws (1); with the record's number")
      ->check(CLI::NonNegativeNumber);
  command->add_option("--temperature", line.temperature, "logits are divided by it (1.0)")
      ->check(CLI::PositiveNumber);
  command->add_option("--top-p", line.top_p, "likeliest tokens with this probability (1.0: all)")
      ->check(CLI::Range(1e-9, 1.0));
  command->add_option("--top-k", line.top_k, "this many likeliest tokens (0: all)")
      ->check(CLI::NonNegativeNumber);
}

void add_stages(CLI::App& app, CommandLine& line) {
  for (const auto& stage : kStages) {
    CLI::App* command = add_command(app, stage.name, stage.help);
    add_run_options(command, line);
    if (std::string(stage.name) == "pipeline")
      command->add_option("--only", line.only, "run this stage alone (its name)")
          ->type_name("STAGE");
    if (std::string(stage.name) == "generate") add_generate_tool(command, line);
  }
}

void add_text_tools(CLI::App& app, CommandLine& line) {
  CLI::App* score = add_command(
      app, "score", "Log-probabilities of texts under a model: JSONL in, \"logprobs\" added");
  add_model_options(score, line);
  add_files(
      score, line,
      "JSONL records with \"ids\" or \"text\" (and \"position_ids\"; BERT: \"token_type_ids\")",
      "the same records with \"logprobs\" (one less than tokens) and \"ids\"");
  score->add_option("--batch-tokens", line.batch_tokens, "tokens of one forward pass (8192)")
      ->check(CLI::PositiveNumber);

  CLI::App* tokenize = add_command(app, "tokenize", "Text <-> token ids: JSONL in, JSONL out");
  tokenize->add_option("--tokenizer", line.tokenizer, "Hugging Face folder, GGUF file or \"bytes\"")
      ->type_name("DIR");
  add_files(tokenize, line, "JSONL records with \"text\" (--decode: \"ids\")",
            "the same records with \"ids\" (--decode: \"text\")");
  tokenize->add_flag("--decode", line.decode, "from ids to text");
  tokenize->add_flag("--skip-special", line.skip_special, "leave control tokens out of the text");

  CLI::App* verify =
      add_command(app, "verify", "Maths answers: \"gold\" against \"pred\" -> a verdict");
  add_files(verify, line, "JSONL records with \"gold\" and \"pred\"",
            "the same records with \"verdict\", \"score\", \"reason\", \"rule\"");
  verify->add_flag("--timing", line.timing, "add \"microseconds\", what each verdict took");
}

void add_other_tools(CLI::App& app, CommandLine& line) {
  CLI::App* convert = add_command(
      app, "convert",
      "Models between formats: Hugging Face folder, GGUF file or checkpoint -> Hugging Face folder "
      "(or checkpoint)");
  add_files(convert, line, "Hugging Face folder, GGUF file, checkpoint or run folder",
            "folder that is made; must not hold anything yet");
  convert
      ->add_option("--dtype", line.dtype,
                   "fp32, bf16 or fp64; default: that of the input (fp32 for GGUF)")
      ->type_name("TYPE");
  convert
      ->add_option("--to", line.format,
                   "hf (default): a folder that transformers loads; checkpoint: our HDF5")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"hf", "checkpoint"}));

  CLI::App* plan = add_command(
      app, "plan", "Who runs where, memory, time and what does not fit; needs no allocation");
  add_config_options(plan, line);
  plan->add_option("--world-size", line.world_size, "ranks to plan for")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  plan->add_option("--stage", line.stage, "which stage the file is for (default: by its sections)")
      ->type_name("STAGE");
  plan->add_option_function<std::string>(
          "--sweep", [&line](const std::string& text) { line.sweep = parse_sweep(text); },
          "the best layout on FIRST, 2 FIRST, … LAST ranks: step, tokens/s, efficiency, days")
      ->type_name("FIRST..LAST");
  plan->add_flag("--table", line.table,
                 "stages x published models -> least and recommended ranks, memory, hours");

  CLI::App* report =
      add_command(app, "report", "A run folder -> one HTML page, and the evaluation's table");
  report->add_option("--run-dir", line.run_dir, "run folder")->type_name("DIR");
  report->add_option("--output", line.output, "the page (default: RUN_DIR/report.html)")
      ->type_name("FILE");

  add_command(app, "options", "Every key of a configuration, as configs/README.md");
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

void require(const CommandLine& line, const std::string& value, const char* option) {
  if (value.empty())
    throw base::ConfigError(fmt::format("{}: {} is missing; 'r1mpi {} --help' lists the options",
                                        line.command, option, line.command));
}

void check_needed_options(const CommandLine& line) {
  const auto& command = line.command;
  if (line.is_generate_tool()) {
    if (line.model.empty())
      throw base::ConfigError(
          "generate: expected --config FILE --run-dir DIR, or --model DIR --input FILE --output "
          "FILE");
    require(line, line.input, "--input FILE");
    require(line, line.output, "--output FILE");
    return;
  }
  if (line.is_stage()) {
    require(line, line.config, "--config FILE");
    if (!line.check) require(line, line.run_dir, "--run-dir DIR");
  }
  if (command == "plan") require(line, line.config, "--config FILE");
  if (command == "report") require(line, line.run_dir, "--run-dir DIR");
  if (command == "score") require(line, line.model, "--model DIR");
  if (command == "tokenize") require(line, line.tokenizer, "--tokenizer DIR");
  if (command == "score" || command == "tokenize" || command == "verify" || command == "convert") {
    require(line, line.input, "--input");
    require(line, line.output, "--output");
  }
}

}  // namespace

bool CommandLine::is_stage() const {
  return !is_generate_tool() && std::any_of(kStages.begin(), kStages.end(), [&](const auto& stage) {
    return command == stage.name;
  });
}

ParsedCommandLine parse_command_line(int argc, const char* const* argv) {
  ParsedCommandLine parsed;
  CLI::App app("r1mpi: the DeepSeek-R1 training recipe as one MPI program", "r1mpi");
  app.set_version_flag("--version", fmt::format("r1mpi {} ({})", base::kVersion, base::kGitSha));
  app.footer(kFooter);
  app.require_subcommand(1);
  app.failure_message(CLI::FailureMessage::simple);
  add_stages(app, parsed.line);
  add_text_tools(app, parsed.line);
  add_other_tools(app, parsed.line);
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
