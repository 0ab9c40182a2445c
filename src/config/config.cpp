#include "config/config.h"

namespace r1::config {

void Config::visit(base::OptionVisitor& v) {
  v.section("run", run, "device, time, logs");
  v.section("model", model, "the policy, the student, or the model that generates");
  v.section("reference", reference,
            "frozen model of the KL term; no path: the policy at the start");
  v.section("teacher", teacher, "frozen model of distillation");
  v.section("reward_model", reward_model, "sequence classifier with one output; no path: none");
  v.section("classifier", classifier, "toxicity classifier (BERT) of SFT 2; no path: none");
  v.section("sampling", sampling, "how completions are drawn");
  v.section("engine", engine, "how many sequences are generated at once");
  v.section("rl", rl, "RL stages 1 and 2");
  v.section("sft", sft, "cold start, SFT 1, SFT 2");
  v.section("distill", distill, "teacher to students");
  v.section("generate", generate, "samples of a model, filtered");
  v.section("evaluate", evaluate, "benchmarks");
  v.section("prepare", prepare, "raw data to training records");
  v.section("trainer", trainer, "how an optimizer step is cut; no effect on results");
  v.section("roles", roles, "which ranks do what");
  v.section("communication", communication, "how ranks talk");
  v.section("plan", plan, "the machine that plan estimates for");
  v.section("pipeline", pipeline, "stages of the pipeline command");
}

}  // namespace r1::config
