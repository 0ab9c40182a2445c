#include "config/supervised_options.h"

#include <fmt/format.h>

#include <set>

#include "base/ranges.h"

namespace r1::config {

void SafetyOptions::visit(base::OptionVisitor& v) {
  v("weight", weight, "weight of the safety term; 0: off (guide, SFT 2: 0.1)");
  v("samples_per_prompt", samples_per_prompt, "answers sampled and scored per prompt of the batch");
  v("max_new_tokens", max_new_tokens, "longest sampled answer, tokens");
}

void SafetyOptions::check(const std::string& key, base::Problems& problems) const {
  base::require_at_least(problems, key + ".weight", weight, 0, " (0: off)");
  base::require_above(problems, key + ".samples_per_prompt", samples_per_prompt, 0);
  base::require_above(problems, key + ".max_new_tokens", max_new_tokens, 0);
}

void SftOptions::visit(base::OptionVisitor& v) {
  v.choice("objective", objective, {"next_token", "dpo", "reward_model"},
           "next_token: cross entropy of the records' answers; dpo: records {chosen, rejected}, "
           "the chosen answer becomes likelier than under [reference] (DPO, arXiv 2305.18290); "
           "reward_model: the same records, a score head on the last token learns which is "
           "preferred (Bradley-Terry, arXiv 2203.02155, equation 1)");
  v("epochs", epochs, "passes over the data (guide: 3; cold start 2)");
  v("steps", steps, "optimizer steps instead of epochs; 0: epochs");
  v("batch", batch,
    "records of an optimizer step, over all ranks and micro-batches (guide: 4 x accumulation 4 x "
    "4 GPUs = 64; cold start 4 x 8 = 32)");
  v.choice(
      "loss_on", loss_on, {"completion", "assistant", "all"},
      "tokens in the loss: of the last answer, of every answer of a conversation (records with "
      "messages), of the prompt too (the guide's trainer: all; ours: completion)");
  v("max_length", max_length, "longest record, tokens; longer ones are dropped and counted");
  v("eval_every", eval_every, "steps between losses on held-out records; 0: none (guide: 500)");
  v.section("safety", safety, "safety term of SFT 2");
}

void SftOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(epochs >= 0 && steps >= 0 && epochs + steps > 0, key + ".epochs",
                   "expected epochs > 0 or steps > 0");
  base::require_above(problems, key + ".batch", batch, 0);
  base::require_above(problems, key + ".max_length", max_length, 1);
  base::require_at_least(problems, key + ".eval_every", eval_every, 0, " (0: none)");
  safety.check(key + ".safety", problems);
}

void StudentOptions::visit(base::OptionVisitor& v) {
  v("name", name, "written to models/distilled/NAME");
  v("path", path, "the student before distillation; {run} is the pipeline's run folder");
  v("learning_rate", learning_rate, "of this student; 0: that of [optimizer]");
  v.section("shape", shape, "its shape, for plan without its files");
}

void StudentOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(!name.empty() && name.find('/') == std::string::npos && name != "..",
                   key + ".name", "expected a name that can be a folder");
  problems.require(!path.empty(), key + ".path", "expected a model");
  base::require_at_least(problems, key + ".learning_rate", learning_rate, 0);
  shape.check(key + ".shape", problems);
}

void DistillOptions::visit(base::OptionVisitor& v) {
  v.choice("mode", mode, {"logits", "text"},
           "logits: KL to the teacher's distribution, same tokenizer; text: only the teacher's "
           "texts (another vocabulary)");
  v("on_policy", on_policy,
    "the student samples answers to the records' prompts with [sampling], and the teacher scores "
    "these instead of the records' answers (GKD, arXiv 2306.13649; with divergence = \"reverse\" "
    "on-policy distillation, Thinking Machines 2025)");
  v("samples_per_prompt", samples_per_prompt, "on_policy: answers sampled to each prompt");
  v("epochs", epochs, "passes over the data (guide: 3)");
  v("steps", steps, "optimizer steps instead of epochs; 0: epochs");
  v("batch", batch, "sequences of an optimizer step, over all ranks (guide: 4; R1: 64)");
  v("max_length", max_length, "longest record, tokens; longer ones are dropped and counted");
  v("eval_every", eval_every, "steps between losses on held-out records; 0: none");
  v("save_each_epoch", save_each_epoch,
    "the model as a Hugging Face folder distilled_epoch_N of the run folder after each epoch, from "
    "0 (the guide)");
  v.section_list("students", students, "students, one after another; none: [model] alone");
}

void DistillOptions::check(const std::string& key, base::Problems& problems) const {
  problems.require(epochs >= 0 && steps >= 0 && epochs + steps > 0, key + ".epochs",
                   "expected epochs > 0 or steps > 0");
  base::require_above(problems, key + ".batch", batch, 0);
  base::require_above(problems, key + ".max_length", max_length, 1);
  base::require_above(problems, key + ".samples_per_prompt", samples_per_prompt, 0);
  base::require_at_least(problems, key + ".eval_every", eval_every, 0, " (0: none)");
  std::set<std::string> names;
  for (std::size_t i = 0; i < students.size(); ++i) {
    const std::string item = fmt::format("{}.students[{}]", key, i);
    students[i].check(item, problems);
    problems.require(names.insert(students[i].name).second, item + ".name",
                     "two students are called \"" + students[i].name + "\"");
  }
}

}  // namespace r1::config
