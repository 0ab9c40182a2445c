#include "command_options.h"

#include <CLI/CLI.hpp>

#include <cinttypes>
#include <cstdio>

#include "base/errors.h"

namespace r1::mpi {
namespace {

void add_config_options(CLI::App& command, CommandLine& line) {
  command.add_option("--config", line.config, "TOML file; r1mpi options lists its keys")
      ->type_name("FILE");
  command
      .add_option("--set", line.overrides,
                  "override one key, as in --set rl.steps=100 (may be repeated, later ones win)")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
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

void add_files(CLI::App& command, CommandLine& line, const char* input, const char* output) {
  command.add_option("--input", line.input, input)->type_name("FILE");
  command.add_option("--output", line.output, output)->type_name("FILE");
}

void add_model_options(CLI::App& command, CommandLine& line) {
  command
      .add_option("--model", line.model, "Hugging Face folder, GGUF file, checkpoint or run folder")
      ->type_name("DIR");
  command
      .add_option("--tokenizer", line.tokenizer,
                  "folder, GGUF file or \"bytes\"; default: the model's own")
      ->type_name("DIR");
  command
      .add_option("--dtype", line.dtype, "fp32 (default), bf16 or fp64: weights and activations")
      ->type_name("TYPE");
  command.add_option("--device", line.device, "cpu (default) or cuda[:N]")->type_name("DEVICE");
}

/// Says of these options that the command does not start without them.
void mark_required(CLI::App& command, const std::vector<std::string>& names,
                   const std::string& mark = "required") {
  for (const std::string& name : names) {
    CLI::Option* option = command.get_option(name);
    option->description(option->get_description() + " (" + mark + ")");
  }
}

/// The command line of a typical use, below the list of options.
void add_example(CLI::App& command, const std::string& arguments) {
  command.footer(fmt::format("Example:\n  r1mpi {} {}\n{}", command.get_name(), arguments,
                             command.get_footer()));
}

}  // namespace

void add_run_options(CLI::App& command, CommandLine& line) {
  add_config_options(command, line);
  command
      .add_option("--run-dir", line.run_dir,
                  "folder of the run: checkpoints, metrics, samples; an existing one is continued")
      ->type_name("DIR");
  command.add_flag(
      "--check", line.check,
      "check the configuration and its inputs, print who runs where and the memory, and stop");
  command
      .add_option("--world-size", line.world_size,
                  "with --check: pretend this many ranks (default: the ranks started)")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command.add_flag("--allow-config-change", line.allow_config_change,
                   "continue a run although keys changed that change its results");
  command
      .add_option(
          "--from-step", line.from_step,
          "go back to the checkpoint of this step; newer ones are deleted (a pipeline: with "
          "--only)")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber);
  command
      .add_option("--time-limit", line.time_limit,
                  "stop with a checkpoint before this much time is over (default: Slurm's limit)")
      ->type_name("H:MM:SS");
  mark_required(command, {"--config"});
  mark_required(command, {"--run-dir"}, "required without --check");
  add_example(command, "--config run.toml --run-dir runs/first");
}

void add_generate_options(CLI::App& command, CommandLine& line) {
  add_run_options(command, line);
  add_model_options(command, line);
  add_files(command, line, "JSONL records with \"text\" or \"ids\"",
            "the same records with \"completion_ids\", \"completion\" and more");
  add_example(command, "--model DIR --input prompts.jsonl --output answers.jsonl --greedy");
  command.add_flag("--greedy", line.greedy, "the likeliest token instead of a draw");
  command.add_flag("--ignore-eos", line.ignore_eos, "go on after an end token");
  command.add_option("--max-new", line.max_new, "longest completion, tokens (256)")
      ->check(CLI::PositiveNumber);
  command.add_option("--samples", line.num_samples, "completions of each record (1)")
      ->check(CLI::PositiveNumber);
  command.add_option("--batch-size", line.batch_size, "sequences decoded at once (64)")
      ->check(CLI::PositiveNumber);
  command.add_option("--seed", line.seed, "seed of the draws (1); with the record's number")
      ->check(CLI::NonNegativeNumber);
  command.add_option("--temperature", line.temperature, "logits are divided by it (1.0)")
      ->check(CLI::PositiveNumber);
  command.add_option("--top-p", line.top_p, "likeliest tokens with this probability (1.0: all)")
      ->check(CLI::Range(1e-9, 1.0));
  command.add_option("--top-k", line.top_k, "this many likeliest tokens (0: all)")
      ->check(CLI::NonNegativeNumber);
}

void add_pipeline_options(CLI::App& command, CommandLine& line) {
  add_run_options(command, line);
  command.add_option("--only", line.only, "run this stage alone (its name)")->type_name("STAGE");
}

void add_score_options(CLI::App& command, CommandLine& line) {
  add_model_options(command, line);
  add_files(
      command, line,
      "JSONL records with \"ids\" or \"text\" (and \"position_ids\"; BERT: \"token_type_ids\")",
      "the same records with \"logprobs\" (one less than tokens) and \"ids\"");
  command.add_option("--batch-tokens", line.batch_tokens, "tokens of one forward pass (8192)")
      ->check(CLI::PositiveNumber);
  mark_required(command, {"--model", "--input", "--output"});
  add_example(command, "--model DIR --input texts.jsonl --output scores.jsonl");
}

void add_tokenize_options(CLI::App& command, CommandLine& line) {
  command.add_option("--tokenizer", line.tokenizer, "Hugging Face folder, GGUF file or \"bytes\"")
      ->type_name("DIR");
  add_files(command, line, "JSONL records with \"text\" (--decode: \"ids\")",
            "the same records with \"ids\" (--decode: \"text\")");
  command.add_flag("--decode", line.decode, "from ids to text");
  command.add_flag("--skip-special", line.skip_special, "leave control tokens out of the text");
  mark_required(command, {"--tokenizer", "--input", "--output"});
  add_example(command, "--tokenizer DIR --input texts.jsonl --output ids.jsonl");
}

void add_verify_options(CLI::App& command, CommandLine& line) {
  add_files(command, line, "JSONL records with \"gold\" and \"pred\"",
            "the same records with \"verdict\", \"score\", \"reason\", \"rule\"");
  command.add_flag("--timing", line.timing, "add \"microseconds\", what each verdict took");
  mark_required(command, {"--input", "--output"});
  add_example(command, "--input pairs.jsonl --output verdicts.jsonl");
}

void add_convert_options(CLI::App& command, CommandLine& line) {
  add_files(command, line, "Hugging Face folder, GGUF file, checkpoint or run folder",
            "folder that is made; must not hold anything yet");
  command
      .add_option(
          "--dtype", line.dtype,
          "fp32, bf16 or fp64; default: that of the input (fp32 for GGUF); --to gguf: fp32, fp16, "
          "bf16 (default) or q8_0")
      ->type_name("TYPE");
  command
      .add_option(
          "--to", line.format,
          "hf (default): a folder that transformers loads; checkpoint: our HDF5; gguf: one file "
          "for llama.cpp")
      ->type_name("FORMAT")
      ->check(CLI::IsMember({"hf", "checkpoint", "gguf"}));
  mark_required(command, {"--input", "--output"});
  add_example(command, "--input runs/first/best --output model.gguf --to gguf --dtype q8_0");
}

void add_plan_options(CLI::App& command, CommandLine& line) {
  add_config_options(command, line);
  command.add_option("--world-size", line.world_size, "ranks to plan for")
      ->type_name("N")
      ->check(CLI::PositiveNumber);
  command
      .add_option(
          "--stage", line.stage,
          "plans the file as this stage (default: the stages of its pipeline, or by its sections)")
      ->type_name("STAGE");
  command
      .add_option_function<std::string>(
          "--sweep", [&line](const std::string& text) { line.sweep = parse_sweep(text); },
          "the best layout on FIRST, 2 FIRST, … LAST ranks: step, tokens/s, efficiency, days")
      ->type_name("FIRST..LAST");
  command.add_flag("--table", line.table,
                   "stages x published models -> least and recommended ranks, memory, hours");
  mark_required(command, {"--config"});
  add_example(command, "--config run.toml --world-size 8");
}

void add_init_options(CLI::App& command, CommandLine& line) {
  command.add_option("--model", line.model, "Hugging Face folder, GGUF file or checkpoint")
      ->type_name("DIR");
  command
      .add_option("--data", line.data,
                  "records: JSONL, Parquet, Arrow, JSON array, CSV, or a dataset folder")
      ->type_name("FILE");
  command.add_option("--gpus", line.gpus, "GPUs of the job; 0: a run on the CPU")
      ->type_name("N")
      ->required()
      ->check(CLI::NonNegativeNumber);
  command.add_option("--machine", line.machine, "kind of GPU, a name in configs/machines (H100)")
      ->type_name("NAME");
  command.add_option("--output", line.output, "file that is written (default: the terminal)")
      ->type_name("FILE");
  mark_required(command, {"--model", "--data"});
  add_example(command, "--model DIR --data train.parquet --gpus 4 --output first.toml");
}

void add_checkpoint_options(CLI::App& command, CommandLine& line) {
  command
      .add_option(
          "ACTION", line.action,
          "list: what is there and what it was made with; verify: every byte; prune: delete old "
          "ones; export: the model as a Hugging Face folder")
      ->required()
      ->check(CLI::IsMember({"list", "verify", "prune", "export"}));
  command.add_option("DIR", line.folder, "run folder, or its folder of checkpoints")->required();
  command
      .add_option(
          "--step", line.which,
          "latest, best or a step: list tells all about it, verify and export take it alone")
      ->type_name("N");
  command.add_option("--output", line.output, "export: folder that is made")->type_name("DIR");
  command.add_option("--keep-last", line.keep_last, "prune: newest checkpoints that stay (3)")
      ->check(CLI::PositiveNumber);
  command
      .add_option("--keep-every", line.keep_every,
                  "prune: those of steps divisible by this stay too (0: none)")
      ->check(CLI::NonNegativeNumber);
}

void add_report_options(CLI::App& command, CommandLine& line) {
  command.add_option("--run-dir", line.run_dir, "run folder")->type_name("DIR");
  command.add_option("--output", line.output, "the page (default: RUN_DIR/report.html)")
      ->type_name("FILE");
  mark_required(command, {"--run-dir"});
  add_example(command, "--run-dir runs/first");
}

}  // namespace r1::mpi
