#include "config/document.h"

#include <fmt/format.h>

#include "config/config.h"
#include "config/option_tree.h"

namespace r1::config {
namespace {

using Kind = OptionNode::Kind;

const char* const kIntroduction = R"md(# Configurations
This file is printed by the program (`r1mpi options`); a test compares it with the code.

| folder | what |
| --- | --- |
| guide/ | the guide's numbers, one file per stage, and README.md with each number's story |
| paper/ | the settings of DeepSeek's papers |
| models/ | published shapes, for random weights and for `plan`: `[model]` `include = "../models/NAME.toml"` |
| machines/ | what `plan` knows of GPUs and their links: `[plan]` `machine = "H200"` |
| examples/ | your own model and data: short files to begin with, and README.md, a first run in ten minutes |
| tiny/ | tests and the quick start |

- A file is TOML. Unknown keys, wrong types and impossible combinations are errors; all of them are reported together, each with file and line.
- `--set rl.steps=10` (repeatable) wins over files. The value is TOML, or else taken as a text. A list's item is named by its number or name: `--set pipeline.stages.rl1.rl.steps=3`.
- `include = "FILE"` (or a list) in any table puts that file's contents beneath the table; the path is relative to the file that says it.
- Other paths are relative to the working directory. `{run}` in a path is the pipeline's run folder (for a single command, its own).
- A pipeline's file has sections, which are every stage's defaults, and `[[pipeline.stages]]`. Over the defaults come the stage's `config` file, then the tables inside the stage (`[pipeline.stages.rl]`), then `--set`. Any other command on that file takes its sections and leaves the stages out.
- The run folder's `resolved.toml` holds every key; the program reads it back to the same configuration.
- On a restart: layout, lengths, intervals, paths and time limits may change; model shape, tokenizer and seed may not; everything else needs `--allow-config-change`.

## Defaults that follow the algorithm
`[advantage]` `kind` chooses the algorithm. `"gae"` (PPO with a value head) leaves the defaults in the tables below, which are the guide's. Every other kind has no value head, and changes the defaults of these keys; a file that names one of them wins:

| key | default | source |
| --- | --- | --- |
| rl.prompts_per_step, rl.samples_per_prompt | 32, 16 | DeepSeek-R1, A.3 |
| rl.mini_batch, rl.update_epochs | 0 (one optimizer step for the whole step), 1 | DeepSeek-R1, A.3; TRL: num_iterations 1 |
| kl.place, kl.estimator, kl.coefficient | "loss", "k3", 0.001 | DeepSeekMath, equation 4; DeepSeek-R1 (DeepSeekMath: 0.04; TRL: 0) |
| policy_loss.entropy_coef | 0 | DeepSeekMath, equation 3 |
| policy_loss.aggregation | "sequence_mean" | DeepSeekMath, equation 3 |

`"reinforce_plus_plus"` compares no samples of a prompt and has a KL penalty per token. Its values differ from those of the table in these keys:

| key | default | source |
| --- | --- | --- |
| rl.prompts_per_step, rl.samples_per_prompt | 512, 1 | as many samples as above |
| kl.place, kl.estimator, kl.coefficient | "reward", "k1", 0.01 | REINFORCE++, arXiv 2501.03262, section 3; OpenRLHF |
| policy_loss.aggregation | "token_mean" | the same |

With `--set kl.place=none` there is no KL term and no reference model, as in TRL's default.

## Records
`[data]`, evaluation suites and `prepare` read JSON lines, JSON arrays and objects (`.json`), CSV and TSV with a header (of MMLU without one), Parquet, Arrow (file and stream), and dataset folders as the Hugging Face hub lays them out; text files may be packed by gzip or Zstandard. A folder is its training split, `FOLDER:SPLIT` another one. What a record may hold:

- **A problem and a gold answer** (RL, evaluation): the first of `problem_fields` and of `answer_fields` that is there. A dot leads into a field, so that `answer_fields = ["reward_model.ground_truth"]` reads `{"reward_model": {"ground_truth": "72"}}`. verl's Parquet files are read without any setting.
- **`messages`**, the turns of a conversation: `{"messages": [{"role": "system", "content": "..."}, {"role": "user", "content": "..."}, {"role": "assistant", "content": "..."}]}`. `sft` learns the last answer, with `sft.loss_on = "assistant"` all of them, and may find "tools", "documents" and "chat_template_kwargs" for the chat template beside the turns. RL gives the model everything up to the last answer. Such a list may also stand in `prompt` (with the answer in `completion`, a text or a list) or in `conversations` with `{"from": "human", "value": "..."}`.
- **`chosen` and `rejected`** (`sft.objective = "dpo"` and `"reward_model"`): two answers, of which the first is preferred. Both are texts beside a problem or the turns of a conversation, or lists of turns, or whole conversations as text, `"\n\nHuman: ...\n\nAssistant: ..."`, as in Anthropic's HH.
- **`{"instruction", "input", "output"}`**, `{"prompt", "completion"}` as plain text, or a problem with its `solution` (SFT, distillation).

Questions are held out by their text alone: `rl`, `sft` and `distill` split the same file the same way, and what `held_out_files` ask is trained on nowhere.

## Weights & Biases, MLflow
`metrics.jsonl` has a row a step, which these lines copy (with wandb 0.31; `mode = "offline"` on a node without internet, and `wandb sync` from a login node later):

```python
import json, wandb
folder = "runs/first"
with wandb.init(project="r1mpi", config=json.load(open(folder + "/resolved.json"))) as run:
    for line in open(folder + "/metrics.jsonl"):
        row = json.loads(line)
        run.log({key: value for key, value in row.items() if isinstance(value, (int, float))}, step=row["step"])
```

The same for MLflow (3.17; its file store needs `MLFLOW_ALLOW_FILE_STORE=true` in the environment, a database, `sqlite:///mlflow.db`, does not):

```python
import json, mlflow
mlflow.set_tracking_uri("file:mlruns")
mlflow.set_experiment("r1mpi")
with mlflow.start_run():
    for line in open("runs/first/metrics.jsonl"):
        row = json.loads(line)
        mlflow.log_metrics({key: value for key, value in row.items() if isinstance(value, (int, float))}, step=row["step"])
```

Releases of wandb that still have `wandb sync --sync-tensorboard` read the event files of the run folder themselves.

## Where the data come from
The configurations read `data/*` of the folder that the program is started in. None of it is in this tree but what `configs/data` holds.

| file | what | how to make it |
| --- | --- | --- |
| data/math_train.jsonl | MATH (Hendrycks et al.), 7,500 training problems; `prepare` reads the folder MATH/train too | `cat MATH/train/*/*.json \| jq -c . > data/math_train.jsonl` |
| data/math500_test.jsonl | the 500 test problems of PRM800K's split | `cp prm800k/prm800k/math_splits/test.jsonl data/math500_test.jsonl` |
| data/gsm8k_train.jsonl | GSM8K, lines of question and answer | `cp grade-school-math/grade_school_math/data/train.jsonl data/gsm8k_train.jsonl` |
| data/gsm8k_test.jsonl | the same | `cp grade-school-math/grade_school_math/data/test.jsonl data/gsm8k_test.jsonl` |
| data/code_train.jsonl | programs with tests: seeded problems, or records with `tests` | `r1mpi prepare --config configs/tiny/random.toml --set prepare.kind=generic --set prepare.output=data/code_train.jsonl --set 'prepare.sources=[{generator="code_problem",count=2000}]' --run-dir runs/code_train` |
| data/code_problems.jsonl | HumanEval as it is published, or records with `tests` | `zcat human-eval/data/HumanEval.jsonl.gz > data/code_problems.jsonl` |
| data/codeforces.jsonl | open-r1/codeforces: its statements, `official_tests` and `generated_checker` | `python -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r)) for f in sys.argv[1:] for r in p.read_table(f).to_pylist()]' codeforces/data/test-*.parquet > data/codeforces.jsonl` |
| data/livecodebench.jsonl | livecodebench/code_generation_lite, public and private tests | `cat code_generation_lite/test*.jsonl > data/livecodebench.jsonl` |
| data/reasoning_gym_gallery.jsonl | records {question, answer, metadata} of reasoning-gym | `python -c 'import json, reasoning_gym as r; [print(json.dumps(e)) for n in ("chain_sum", "syllogism", "sudoku") for e in r.create_dataset(n, size=20, seed=1)]' > data/reasoning_gym_gallery.jsonl` |
| data/mmlu_test.jsonl | cais/mmlu; a suite reads Hendrycks's CSV files without a header too | `python -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r)) for f in sys.argv[1:] for r in p.read_table(f).to_pylist()]' mmlu/all/test-*.parquet > data/mmlu_test.jsonl` |
| data/mmlu_pro_test.jsonl | TIGER-Lab/MMLU-Pro | `python -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r)) for f in sys.argv[1:] for r in p.read_table(f).to_pylist()]' MMLU-Pro/data/test-*.parquet > data/mmlu_pro_test.jsonl` |
| data/ceval_val.jsonl | ceval/ceval-exam, the questions whose answers are published | `python -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r)) for f in sys.argv[1:] for r in p.read_table(f).to_pylist()]' ceval-exam/*/val-*.parquet > data/ceval_val.jsonl` |
| data/aime2024.jsonl | HuggingFaceH4/aime_2024, or AIME in another spelling of problem and answer | `python -c 'import json, sys, pyarrow.parquet as p; [print(json.dumps(r)) for f in sys.argv[1:] for r in p.read_table(f).to_pylist()]' aime_2024/data/train-*.parquet > data/aime2024.jsonl` |
| data/gpqa_diamond.jsonl | GPQA's columns; a suite reads the CSV file too | `python -c 'import csv, json, sys; [print(json.dumps(r)) for r in csv.DictReader(open(sys.argv[1], encoding="utf-8"))]' gpqa_diamond.csv > data/gpqa_diamond.jsonl` |
| data/ifeval.jsonl | IFEval: prompts with verifiable instructions | `cp instruction_following_eval/data/input_data.jsonl data/ifeval.jsonl` |
| data/xstest_prompts.csv | XSTest | `cp xstest/xstest_prompts.csv data/xstest_prompts.csv` |
| data/general_prompts.jsonl | general prompts {problem, type}, type helpfulness or safety, which says what model judges the answers | the user's own; of HH: `jq -c '{problem: .prompt, type: "safety"}' harmless.jsonl > data/general_prompts.jsonl` |
| data/other_records.jsonl | the user's own supervised records {instruction, input, output} that are no reasoning | the user's own |
| {run}/data/*.jsonl | what a stage of the pipeline makes: the file is that stage's `prepare.output` or `generate.output` | `r1mpi pipeline`, or that stage's command alone |
| configs/data/* | small records of this project's own: SFT 2 (safety, consistency), evaluation | shipped |
)md";

std::string escaped(std::string text) {
  for (std::size_t at = text.find('|'); at != std::string::npos; at = text.find('|', at + 2))
    text.insert(at, 1, '\\');
  return text;
}

std::string type_of(const OptionNode& node) {
  if (node.allowed.empty()) return node.type;
  std::string text;
  for (const std::string& name : node.allowed) text += (text.empty() ? "" : ", ") + name;
  return text;
}

void document_section(const OptionNode& section, const std::string& path, const std::string& header,
                      std::string& out) {
  out +=
      fmt::format("\n## {}\n{}\n\n| key | type | default | meaning |\n| --- | --- | --- | --- |\n",
                  header, section.help);
  for (const OptionNode& child : section.children)
    if (child.kind == Kind::Value)
      out += fmt::format("| {} | {} | `{}` | {} |\n", child.key, escaped(type_of(child)),
                         escaped(child.value), escaped(child.help));
  for (const OptionNode& child : section.children) {
    const std::string child_path = path + "." + child.key;
    if (child.kind == Kind::Section) {
      document_section(child, child_path, "[" + child_path + "]", out);
    } else if (child.kind == Kind::List) {
      OptionNode item = child.children.front();
      item.help = child.help;
      document_section(item, child_path, "[[" + child_path + "]]", out);
    }
  }
}

/// The keys of a section as one text, to find sections with equal keys.
std::string signature(const OptionNode& node) {
  std::string text;
  for (const OptionNode& child : node.children) text += child.key + "{" + signature(child) + "}";
  return text;
}

}  // namespace

std::string document_options() {
  const OptionNode tree = option_tree(Config{}, true);
  std::string out = kIntroduction;
  const OptionNode* model = nullptr;
  for (const OptionNode& section : tree.children) {
    if (section.key == "model") model = &section;
    if (model != nullptr && &section != model && signature(section) == signature(*model))
      out += fmt::format("\n## [{}]\n{}\n\nThe keys of [model].\n", section.key, section.help);
    else
      document_section(section, section.key, "[" + section.key + "]", out);
  }
  OptionNode machine = option_tree(plan::Machine{}, true);
  machine.help = "What `plan` computes with; rates are of one rank and one direction.";
  document_section(machine, "", "A file of machines/", out);
  return out;
}

}  // namespace r1::config
