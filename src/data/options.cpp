#include "data/options.h"

#include "base/ranges.h"
#include "data/generators.h"
#include "data/render.h"

namespace r1::data {

void DataOptions::visit(base::OptionVisitor& v) {
  v("files", files,
    "files of training records, or dataset folders: JSONL, JSON arrays, CSV, Parquet, Arrow, also "
    "packed by gzip or Zstandard; FOLDER:SPLIT is another split than train");
  v("held_out_files", held_out_files,
    "files of held-out records, as `files`; empty: a share of `files`");
  v("held_out", held_out, "share of the records held out for evaluation (guide: 1 %)");
  v("max_records", max_records, "use a subset of so many records, chosen by the seed; 0: all");
  v("max_bad_lines", max_bad_lines,
    "lines of one file that may be unreadable before it is an error");
  v("problem_fields", problem_fields,
    "the first of these fields in a record is the problem: a text, or a list of turns {role, "
    "content}; a dot leads into a field: \"extra_info.question\"");
  v("answer_fields", answer_fields,
    "the first of these fields in a record is the gold answer ('#### n' is cut out); a dot leads "
    "into a field");
  v("domain_field", domain_field, "field that names the domain of a problem");
  v.choice(
      "prompt_template", prompt_template, {"chat", "r1_zero", "guide", "plain"},
      "chat: the model's own, r1_zero: the paper's, guide: '### 지시문', plain: the problem alone");
  v("template_variables", template_variables,
    "variables of the template, each name=JSON: \"enable_thinking=false\" (chat_template_kwargs of "
    "transformers)");
  v("system_prompt", system_prompt,
    "system message of the chat template; empty: the template's own");
  v("instruction", instruction, "what the user says; {problem} is replaced");
  v.section_list("few_shot", few_shot, "earlier turns shown before the problem");
  v.section("generate", generate, "problems made with a seed");
}

void DataOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(held_out >= 0.0 && held_out < 1.0, key + ".held_out",
                   fmt::format("expected a share in [0, 1), found {}", held_out));
  base::require_at_least(problems, key + ".max_records", max_records, 0);
  base::require_at_least(problems, key + ".max_bad_lines", max_bad_lines, 0);
  problems.require(!problem_fields.empty(), key + ".problem_fields", "expected at least one name");
  problems.require(instruction.find("{problem}") != std::string::npos, key + ".instruction",
                   "expected {problem} in it");
  try {
    read_template_variables(template_variables);
  } catch (const base::InputError& error) {
    problems.require(false, key + ".template_variables", error.what());
  }
  problems.require(generate.count >= 0, key + ".generate.count", "expected no negative number");
  problems.require(generate.held_out_count >= 0, key + ".generate.held_out_count",
                   "expected no negative number");
  for (const std::string& name : generate.names)
    problems.require(find_generator(name) != nullptr, key + ".generate.names",
                     fmt::format("unknown generator '{}', known: {}", name, generator_names()));
}

}  // namespace r1::data
