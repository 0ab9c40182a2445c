#include "config/config.h"

namespace r1::config {

void Config::visit(base::OptionVisitor& v) {
  v.section("run", run, "device, time, logs");
  v.section("model", model, "the policy, the student, or the model that generates");
  v.section("reference", reference,
            "frozen model of the KL term and of DPO; no path: the policy at the start");
  v.section("teacher", teacher, "frozen model of distillation");
  v.section("reward_model", reward_model, "sequence classifier with one output; no path: none");
  v.section("classifier", classifier, "toxicity classifier (BERT) of SFT 2; no path: none");
  v.section("sampling", sampling, "how completions are drawn");
  v.section("rollout", rollout, "what happens between the turns of a sample");
  v.section("engine", engine, "how many sequences are generated at once");
  v.section("data", data, "problems and records, and how they are put to the model");
  v.section("rl", rl, "RL stages 1 and 2");
  v.section("advantage", advantage, "from rewards to advantages");
  v.section("kl", kl, "distance to the reference model");
  v.section("policy_loss", policy_loss, "the loss of PPO, GRPO and their kin");
  v.section("value_loss", value_loss, "the loss of PPO's value head");
  v.section("rewards", rewards, "the weighted sum that is the reward");
  v.section("sft", sft, "cold start, SFT 1, SFT 2; DPO and reward models");
  v.section("preference_loss", preference_loss, "the loss of DPO and of reward models");
  v.section("distill", distill, "teacher to students");
  v.section("distillation_loss", distillation_loss, "soft and hard terms of distillation");
  v.section("generate", generate, "samples of a model, filtered");
  v.section("evaluate", evaluate, "benchmarks");
  v.section("prepare", prepare, "raw data to training records");
  v.section("optimizer", optimizer, "AdamW, clipping, learning rate");
  v.section("checkpoint", checkpoint, "what is saved when, and kept");
  v.section("metrics", metrics, "what a run writes about itself");
  v.section("trainer", trainer, "how an optimizer step is cut; no effect on results");
  v.section("roles", roles, "which ranks do what");
  v.section("communication", communication, "how ranks talk");
  v.section("plan", plan, "the machine that plan estimates for");
  v.section("pipeline", pipeline, "stages of the pipeline command");
}

}  // namespace r1::config
