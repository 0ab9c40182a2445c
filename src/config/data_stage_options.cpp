#include "config/data_stage_options.h"

#include <fmt/ranges.h>

#include <set>

#include "base/ranges.h"
#include "config/stage.h"
#include "rewards/options.h"

namespace r1::config {
namespace {

/// Checks each item of a list and that no two have the same name.
template <class Item>
void check_named_items(const std::string& key, const std::vector<Item>& items,
                       base::Problems& problems) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string item = fmt::format("{}[{}]", key, i);
    items[i].check(item, problems);
    problems.require(names.insert(items[i].name).second, item + ".name",
                     "the name \"" + items[i].name + "\" is used twice");
  }
}

bool can_be_folder(const std::string& name) {
  return !name.empty() && name != "." && name != ".." && name.find('/') == std::string::npos;
}

}  // namespace

void KeepOptions::visit(base::OptionVisitor& v) {
  v("min_reward", min_reward, "lowest score that is kept (guide: 0.8)");
  v("score", score, "which score min_reward looks at: total, or a part of [rewards]");
  v("correct", correct, "only right answers");
  v("format", format, "only completions in the tagged form");
  v("one_language", one_language,
    "only completions whose thinking part is in the language of [rewards.language]");
  v("min_language_share", min_language_share, "share of its words that must be");
  v("finished", finished, "only completions that ended by themselves");
  v("min_tokens", min_tokens, "shortest completion, tokens");
  v("max_repetition", max_repetition, "highest share of repeated n-grams; 1: any");
  v("max_per_prompt", max_per_prompt, "best completions kept of a prompt; 0: all");
  v("distinct", distinct, "equal completions of a prompt are kept once");
}

void KeepOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(!score.empty(), key + ".score", "expected total or the name of a reward part");
  base::require_at_least(problems, key + ".min_tokens", min_tokens, 0);
  problems.require(max_repetition >= 0.0 && max_repetition <= 1.0, key + ".max_repetition",
                   "expected in [0, 1]");
  problems.require(min_language_share >= 0.0 && min_language_share <= 1.0,
                   key + ".min_language_share", "expected in [0, 1]");
  base::require_at_least(problems, key + ".max_per_prompt", max_per_prompt, 0, " (0: all)");
}

void GenerateOptions::visit(base::OptionVisitor& v) {
  v("output", output, "JSONL that is written; empty: samples.jsonl in the run folder");
  v("num_prompts", num_prompts,
    "prompts tried, repeating the data when it is shorter; 0: each once "
    "(guide: 800000 for distillation)");
  v("samples_per_prompt", samples_per_prompt, "completions of a prompt");
  v("max_kept", max_kept, "stop when this many were kept; 0: no limit");
  v("prompts_per_chunk", prompts_per_chunk, "prompts between two writes: what a restart repeats");
  v.choice("record", record, {"sft", "full", "text", "rewrite"},
           "sft: {instruction, input, output} + score; full: with ids, log-probabilities and "
           "reward parts; text: the input's record + completion; rewrite: "
           "the input's record with the completion as its output");
  v.section("keep", keep, "rejection sampling");
}

void GenerateOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".num_prompts", num_prompts, 0, " (0: each once)");
  base::require_above(problems, key + ".samples_per_prompt", samples_per_prompt, 0);
  base::require_at_least(problems, key + ".max_kept", max_kept, 0, " (0: no limit)");
  base::require_above(problems, key + ".prompts_per_chunk", prompts_per_chunk, 0);
  keep.check(key + ".keep", problems);
}

void SuiteOptions::visit(base::OptionVisitor& v) {
  v("name", name, "name of the suite in tables and files");
  v("benchmark", benchmark,
    "key in evaluation_results.json; suites of one key are averaged by question; empty: name");
  v("path", path, "questions: JSONL, a JSON array, or CSV with a header; or generator");
  v("generator", generator, "generated problems (add20, countdown, ...) instead of a file");
  v("scorer", scorer,
    "maths, code, safety, choice, reasoning_gym, a reward, or a scorer of the puzzle reward");
  v("num_questions", num_questions, "questions asked; 0: all of the file");
  v("samples_per_prompt", samples_per_prompt,
    "k of pass@1 over k samples; above 1 also of cons@k, the majority of the k answers");
  v("max_new_tokens", max_new_tokens, "longest answer; 0: evaluate.sampling's");
}

void SuiteOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(!name.empty(), key + ".name", "expected a name");
  problems.require(path.empty() != generator.empty(), key + ".path",
                   "expected either path or generator");
  problems.require(rewards::is_scorer(scorer), key + ".scorer",
                   fmt::format("unknown scorer '{}', known: {}", scorer, rewards::scorer_list()));
  base::require_at_least(problems, key + ".num_questions", num_questions, 0, " (0: all)");
  problems.require(generator.empty() || num_questions > 0, key + ".num_questions",
                   "generated problems need a number > 0");
  base::require_above(problems, key + ".samples_per_prompt", samples_per_prompt, 0);
  base::require_at_least(problems, key + ".max_new_tokens", max_new_tokens, 0);
}

void EvaluatedModelOptions::visit(base::OptionVisitor& v) {
  v("name", name, "key in evaluation_results.json");
  v("path", path, "model folder; {run} is the pipeline's run folder");
  v("teacher", teacher,
    "name of another model: the one this was distilled from; tables then show student / teacher");
  v.choice("prompt_template", prompt_template, {kAsData, "chat", "r1_zero", "guide", "plain"},
           "how questions are put to this model, which is how it was trained; data: as [data] "
           "prompt_template says");
}

void EvaluatedModelOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(!name.empty(), key + ".name", "expected a name");
  problems.require(!path.empty(), key + ".path", "expected a model");
}

void EvaluateOptions::visit(base::OptionVisitor& v) {
  v("output", output, "JSON file: model -> benchmark -> score");
  v("save_completions", save_completions, "completions and verdicts are written beside it");
  v.section("sampling", sampling, "sampling of answers, instead of [sampling]");
  v.section_list("models", models, "models; none: [model]");
  v.section_list("suites", suites, "benchmarks");
}

void EvaluateOptions::check(const std::string& key, base::Problems& problems) const {
  sampling.check(key + ".sampling", problems);
  problems.require(!output.empty(), key + ".output", "expected a file name");
  check_named_items(key + ".models", models, problems);
  std::set<std::string> names;
  for (const auto& model : models) names.insert(model.name);
  for (std::size_t i = 0; i < models.size(); ++i)
    problems.require(
        models[i].teacher.empty() ||
            (models[i].teacher != models[i].name && names.count(models[i].teacher) > 0),
        fmt::format("{}.models[{}].teacher", key, i),
        "expected the name of another of the models, found \"" + models[i].teacher + "\"");
  check_named_items(key + ".suites", suites, problems);
}

void SourceOptions::visit(base::OptionVisitor& v) {
  v("path", path,
    "JSONL (MATH, GSM8K, {instruction, input, output}, ...), .json, .csv, .h5 (a dataset a "
    "field); or generator");
  v("generator", generator, "generated problems (add20, countdown, ...) instead of a file");
  v("count", count, "records taken; 0: all of the file");
  v("level", level, "level of records that have none (guide, GSM8K: elementary)");
  v("type", type, "type of records that have none (guide, GSM8K: arithmetic)");
}

void SourceOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(path.empty() != generator.empty(), key + ".path",
                   "expected either path or generator");
  base::require_at_least(problems, key + ".count", count, 0, " (0: all)");
  problems.require(generator.empty() || count > 0, key + ".count",
                   "generated problems need a number > 0");
}

void PrepareOptions::visit(base::OptionVisitor& v) {
  v.choice("kind", kind, {"rl", "coldstart", "sft1", "sft2", "distill", "consistency", "generic"},
           "records that are made: rl {problem, solution, level, type, answer}; the others "
           "{instruction, input, output}; consistency: each wording of a group answered with the "
           "majority's response; generic: as they are");
  v("output", output, "JSONL that is written; empty: data.jsonl in the run folder");
  v("report", report,
    "JSON of what was kept, dropped and why, with a readable .txt beside it; empty: "
    "OUTPUT.report.json");
  v("decontaminate", decontaminate, "evaluation files: records sharing an n-gram are dropped");
  v("ngram", ngram, "words of such an n-gram (R1: 10)");
  v("language", language, "wanted language (en, ko, ...), or question: the question's; empty: any");
  v("min_language_share", min_language_share, "share of words in that language");
  v("max_repetition", max_repetition, "highest share of repeated 4-grams of a response");
  v("correct", correct, "responses whose answer is wrong are dropped");
  v("min_quality", min_quality, "responses of lower quality are dropped (guide: 0.8); 0: none");
  v("max_records", max_records, "records written at most; 0: all");
  v("max_record_bytes", max_record_bytes, "longest record, bytes");
  v.section_list("sources", sources, "inputs, in order");
}

void PrepareOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_above(problems, key + ".ngram", ngram, 0);
  problems.require(min_language_share >= 0.0 && min_language_share <= 1.0,
                   key + ".min_language_share", "expected in [0, 1]");
  problems.require(max_repetition >= 0.0 && max_repetition <= 1.0, key + ".max_repetition",
                   "expected in [0, 1]");
  problems.require(min_quality >= 0.0 && min_quality <= 1.0, key + ".min_quality",
                   "expected in [0, 1]");
  base::require_at_least(problems, key + ".max_records", max_records, 0, " (0: all)");
  base::require_above(problems, key + ".max_record_bytes", max_record_bytes, 0);
  for (std::size_t i = 0; i < sources.size(); ++i)
    sources[i].check(fmt::format("{}.sources[{}]", key, i), problems);
}

void StageOptions::visit(base::OptionVisitor& v) {
  v("name", name, "name of the stage: its folder is stages/NN-NAME");
  v.choice("command", command, stage_names(), "what it does");
  v("from", from, "stage whose model it starts from; empty: [model] path");
  v("config", config, "TOML file of the stage, relative to this file");
  v("output", output, "its model is written to models/OUTPUT; empty: models/NAME");
  v("ranks", ranks, "ranks it uses, the others sleep; 0: all (guide: RL 8, SFT 4)");
}

void StageOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(can_be_folder(name), key + ".name", "expected a name that can be a folder");
  problems.require(!command.empty(), key + ".command",
                   fmt::format("expected one of {}", fmt::join(stage_names(), ", ")));
  base::require_at_least(problems, key + ".ranks", ranks, 0, " (0: all)");
}

void PipelineOptions::visit(base::OptionVisitor& v) {
  v.section_list("stages", stages,
                 "stages in order; any section inside an item overrides it for that stage");
}

void PipelineOptions::check(const std::string& key, base::Problems& problems) const {
  check_named_items(key + ".stages", stages, problems);
  std::set<std::string> earlier;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    problems.require(stages[i].from.empty() || earlier.count(stages[i].from) > 0,
                     fmt::format("{}.stages[{}].from", key, i),
                     "expected the name of an earlier stage, found \"" + stages[i].from + "\"");
    earlier.insert(stages[i].name);
  }
}

}  // namespace r1::config
