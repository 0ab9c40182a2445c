#include "config/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "config/bounds.h"
#include "config/judges.h"

namespace r1::config {
namespace {

constexpr std::int64_t kMostSamplesPerStep = 10'000'000;  // they are all kept in memory

void check_model_given(const Config& config, bool model_from_stage, base::Problems& problems) {
  problems.require(model_from_stage || config.model.used(), "model.path",
                   "expected a model: a path, or init = \"random\" with a shape");
}

void check_mesh(const std::string& key, const MeshOptions& mesh, const RoleOptions& role,
                const models::ModelShape& shape, base::Problems& problems) {
  const std::int64_t ranks = mesh.tp * mesh.ep * mesh.cp * std::max<std::int64_t>(mesh.dp, 1);
  if (role.ranks > 0)
    problems.require(
        mesh.dp > 0 ? role.ranks == ranks : role.ranks % ranks == 0, key,
        fmt::format("tp {} x ep {} x cp {} x dp {} does not make the role's {} ranks", mesh.tp,
                    mesh.ep, mesh.cp, mesh.dp > 0 ? std::to_string(mesh.dp) : "auto", role.ranks));
  if (shape.empty() || shape.kv_heads() <= 0 || mesh.tp <= 0 || mesh.ep <= 0) return;
  problems.require(shape.num_attention_heads % mesh.tp == 0, key + ".tp",
                   fmt::format("expected a divisor of the {} attention heads, found {}",
                               shape.num_attention_heads, mesh.tp));
  problems.require(
      shape.has_latent_attention() || shape.kv_heads() % mesh.tp == 0 ||
          mesh.tp % shape.kv_heads() == 0,
      key + ".tp",
      fmt::format("expected a divisor or a multiple of the {} key/value heads, found {}",
                  shape.kv_heads(), mesh.tp));
  const std::int64_t experts = shape.experts.num_experts;
  problems.require(experts > 0 ? experts >= mesh.ep * mesh.tp : mesh.ep == 1, key + ".ep",
                   experts > 0 ? fmt::format("{} experts cannot be held by tp {} x ep {} ranks",
                                             experts, mesh.tp, mesh.ep)
                               : "the model has no experts: expected 1");
}

void check_roles(const Config& config, base::Problems& problems) {
  const models::ModelShape& policy = config.model.shape;
  check_mesh("roles.policy.train", config.roles.policy.train, config.roles.policy, policy,
             problems);
  RoleOptions generation = config.roles.policy;
  if (config.roles.generate_ranks > 0) generation.ranks = config.roles.generate_ranks;
  check_mesh("roles.policy.generate", generation.generation_mesh(), generation, policy, problems);
  check_mesh("roles.reference.train", config.roles.reference.train, config.roles.reference,
             config.reference.shape.empty() ? policy : config.reference.shape, problems);
  check_mesh("roles.teacher.train", config.roles.teacher.train, config.roles.teacher,
             config.teacher.shape, problems);
}

/// Students run one after another in the policy's split.
void check_students(const Config& config, base::Problems& problems) {
  for (const StudentOptions& student : config.distill.students) {
    base::Problems found;
    check_mesh("roles.policy.train", config.roles.policy.train, config.roles.policy, student.shape,
               found);
    for (const base::Problem& problem : found.list())
      problems.require(false, problem.key,
                       fmt::format("student {}: {}", student.name, problem.message));
  }
}

}  // namespace

void check_device(const Config& config, base::Problems& problems) {
  const bool gpu = config.run.device != "cpu";  // auto: known when the run starts
  problems.require(gpu || config.communication.backend != "nccl", "communication.backend",
                   "nccl needs run.device = \"cuda\"");
  problems.require(gpu || config.trainer.offload == "none", "trainer.offload",
                   "offload needs run.device = \"cuda\"");
  problems.require(config.trainer.zero_stage != 3 || !config.trainer.offloads_reference(),
                   "trainer.offload",
                   fmt::format("the reference's weights are shared out by trainer.zero_stage = 3: "
                               "expected \"none\" or \"optimizer\", found \"{}\"",
                               config.trainer.offload));
  problems.require(gpu || config.trainer.activation_checkpointing != "offload",
                   "trainer.activation_checkpointing", "offload needs run.device = \"cuda\"");
  problems.require(
      config.model.dtype != "fp64" || config.trainer.gradient_dtype == "fp64",
      "trainer.gradient_dtype",
      "model.dtype = \"fp64\" needs \"fp64\", found \"" + config.trainer.gradient_dtype + "\"");
}

namespace {

/// A sequence must fit the model's context and the cache's blocks.
void check_lengths(const Config& config, const generation::SamplingOptions& sampling,
                   const std::string& key, base::Problems& problems) {
  const models::ModelShape& shape = config.model.shape;
  problems.require(shape.empty() || sampling.max_new_tokens < shape.max_position_embeddings,
                   key + ".max_new_tokens",
                   fmt::format("expected less than the model's context of {} tokens, found {}",
                               shape.max_position_embeddings, sampling.max_new_tokens));
  problems.require(shape.empty() || sampling.top_k <= shape.vocab_size, key + ".top_k",
                   fmt::format("expected at most the vocabulary's {}, found {}", shape.vocab_size,
                               sampling.top_k));
  const std::int64_t cache = config.engine.kv_cache_blocks * config.engine.block_size;
  problems.require(
      cache == 0 || cache > sampling.max_new_tokens, "engine.kv_cache_blocks",
      fmt::format("{} tokens do not hold one completion of {}", cache, sampling.max_new_tokens));
}

/// A part that a model scores needs the model, and a scoring model needs its part.
void check_model_rewards(const Config& config, Stage stage, base::Problems& problems) {
  for (const Judge& judge : judges(config, config.rewards))
    problems.require(
        judge.model.used(), judge.key + ".path",
        fmt::format("the part {} needs a {}", judge.scoring.name,
                    judge.scoring.is_preference() ? "sequence classifier" : "toxicity classifier"));
  problems.require(stage != Stage::Rl || config.rewards.has_part(rewards::kRewardModelPart) ||
                       !config.reward_model.used(),
                   "reward_model.path",
                   "no part uses it: add one named reward_model to [[rewards.parts]]");
  for (const rewards::ScoringModelOptions& model : config.rewards.models)
    problems.require(
        stage != Stage::Rl || config.rewards.has_part(model.name), "rewards.models." + model.name,
        fmt::format("no part uses it: add one named {} to [[rewards.parts]]", model.name));
}

/// An answer must leave room for the turns around it.
void check_tools(const Config& config, Stage stage, base::Problems& problems) {
  const auto& tools = config.rollout.tools;
  if (!tools.used()) return;
  const auto most = stage == Stage::Evaluate ? config.evaluate.sampling.max_new_tokens
                                             : config.sampling.max_new_tokens;
  problems.require(tools.max_answer_tokens < most, "rollout.tools.max_answer_tokens",
                   fmt::format("expected less than the {} new tokens of a sample, among which "
                               "answers count; found {}",
                               most, tools.max_answer_tokens));
  problems.require(stage != Stage::Generate || config.generate.record == "full", "generate.record",
                   "only records of the kind \"full\" have a place for the answers of tools");
}

void check_rl_batch(const RlOptions& rl, base::Problems& problems) {
  const std::int64_t samples = rl.samples_per_step();
  problems.require(samples <= kMostSamplesPerStep, "rl.prompts_per_step",
                   fmt::format("expected at most {} samples a step, found {} prompts x {}",
                               kMostSamplesPerStep, rl.prompts_per_step, rl.samples_per_prompt));
  const std::int64_t mini_batch = rl.mini_batch_samples();
  problems.require(mini_batch > 0 && samples % mini_batch == 0, "rl.mini_batch",
                   fmt::format("expected a divisor of the step's {} samples ({} prompts x {}), "
                               "found {}",
                               samples, rl.prompts_per_step, rl.samples_per_prompt, mini_batch));
  problems.require(rl.chunks <= rl.prompts_per_step, "rl.chunks",
                   fmt::format("expected at most prompts_per_step = {}, found {}",
                               rl.prompts_per_step, rl.chunks));
}

void check_rl_algorithm(const Config& config, base::Problems& problems) {
  const RlOptions& rl = config.rl;
  const bool groups = config.advantage.compares_groups();
  problems.require(config.advantage.has_token_rewards() || config.kl.place != "reward" ||
                       config.kl.coefficient == 0.0,
                   "kl.place",
                   "a penalty per token in the reward needs advantage.kind = \"gae\" (PPO) or "
                   "\"reinforce_plus_plus\"; GRPO has place = \"loss\" or \"none\"");
  problems.require(!groups || rl.samples_per_prompt > 1, "rl.samples_per_prompt",
                   "advantages compare the samples of a prompt: expected > 1");
  problems.require(!rl.resample_zero_advantage || groups, "rl.resample_zero_advantage",
                   "needs the advantages of groups");
  problems.require(rl.reference_update_every == 0 || config.kl.place != "none",
                   "rl.reference_update_every", "there is no KL term, so no reference");
}

void check_rl(const Config& config, base::Problems& problems) {
  problems.require(
      (config.rl.staleness == 0 && !config.policy_loss.rollout_correction.used()) ||
          config.rl.loss_temperature(config.sampling.temperature) == config.sampling.temperature,
      "rl.logprob_temperature",
      "with rl.staleness = 1 or policy_loss.rollout_correction the losses compare "
      "log-probabilities with the generator's: expected sampling.temperature");
  check_rl_batch(config.rl, problems);
  check_rl_algorithm(config, problems);
  check_lengths(config, config.sampling, "sampling", problems);
  problems.require(!config.rewards.parts.empty(), "rewards.parts",
                   "expected at least one [[rewards.parts]]");
  for (std::size_t i = 0; i < config.rl.changes.size(); ++i) {
    const RlChangeOptions& change = config.rl.changes[i];
    const std::string key = fmt::format("rl.changes[{}]", i);
    for (const std::string& part : change.parts)
      problems.require(config.rewards.has_part(part), key + ".parts",
                       fmt::format("no part named '{}' in [[rewards.parts]]", part));
    problems.require(change.files.empty() || !config.rl.resample_zero_advantage, key + ".files",
                     "groups are replaced from one set of data: resample_zero_advantage must be "
                     "false");
    generation::SamplingOptions sampling = config.sampling;
    if (change.max_new_tokens > 0) sampling.max_new_tokens = change.max_new_tokens;
    check_lengths(config, sampling, key, problems);
    problems.require(change.from_step < config.rl.steps, key + ".from_step",
                     fmt::format("expected less than rl.steps = {}", config.rl.steps));
  }
}

void check_generate(const Config& config, base::Problems& problems) {
  check_lengths(config, config.sampling, "sampling", problems);
  const KeepOptions& keep = config.generate.keep;
  problems.require(keep.min_reward <= 0.0 || !config.rewards.parts.empty(),
                   "generate.keep.min_reward", "needs [[rewards.parts]]");
  const auto& parts = config.rewards.parts;
  const bool known = keep.score == "total" ||
                     std::any_of(parts.begin(), parts.end(),
                                 [&keep](const auto& part) { return part.name == keep.score; });
  problems.require(known, "generate.keep.score",
                   "expected total or a name of [[rewards.parts]], found \"" + keep.score + "\"");
}

void check_sft(const Config& config, base::Problems& problems) {
  if (config.sft.learns_pairs()) {
    problems.require(config.sft.safety.weight == 0.0, "sft.safety.weight",
                     "belongs to sft.objective = \"next_token\": expected 0");
    problems.require(config.sft.loss_on == "completion", "sft.loss_on",
                     "a preference is one of last answers: expected \"completion\"");
    problems.require(!config.data.files.empty(), "data.files",
                     "sft.objective = \"" + config.sft.objective +
                         "\" needs records with the fields chosen and rejected");
  }
  problems.require(config.sft.objective == "reward_model" ||
                       config.preference_loss.center_rewards_coefficient == 0.0,
                   "preference_loss.center_rewards_coefficient",
                   "belongs to sft.objective = \"reward_model\": expected 0");
  problems.require(config.sft.safety.weight == 0.0 || config.classifier.used(), "classifier.path",
                   "sft.safety.weight > 0 needs a toxicity classifier");
  generation::SamplingOptions answers;
  answers.max_new_tokens = config.sft.safety.max_new_tokens;
  if (config.sft.safety.weight > 0.0) check_lengths(config, answers, "sft.safety", problems);
}

void check_distill(const Config& config, base::Problems& problems) {
  check_students(config, problems);
  const bool logits = config.distill.mode == "logits";
  problems.require(!logits || config.teacher.used(), "teacher.path",
                   "distill.mode = \"logits\" needs a teacher");
  if (config.distill.on_policy) {
    problems.require(logits, "distill.on_policy",
                     "the teacher scores the student's samples: mode = \"logits\"");
    problems.require(config.distillation_loss.hard_weight == 0.0, "distillation_loss.hard_weight",
                     "distill.on_policy has no target tokens but the student's own: expected 0");
    problems.require(config.distill.eval_every == 0, "distill.eval_every",
                     "distill.on_policy measures no loss on records: expected 0");
    check_lengths(config, config.sampling, "sampling", problems);
  }
  problems.require(config.distill.on_policy || config.distill.samples_per_prompt == 1,
                   "distill.samples_per_prompt", "needs distill.on_policy = true");
  problems.require(logits == (config.distillation_loss.soft_weight > 0.0),
                   "distillation_loss.soft_weight",
                   logits ? "distill.mode = \"logits\" needs > 0"
                          : "distill.mode = \"text\" has no teacher's logits: expected 0");
}

void check_evaluate(const Config& config, base::Problems& problems) {
  problems.require(!config.evaluate.suites.empty(), "evaluate.suites",
                   "expected at least one [[evaluate.suites]]");
  for (std::size_t i = 0; i < config.evaluate.suites.size(); ++i) {
    const SuiteOptions& suite = config.evaluate.suites[i];
    problems.require(
        !config.evaluate.sampling.greedy || suite.samples_per_prompt == 1,
        fmt::format("evaluate.suites[{}].samples_per_prompt", i),
        "greedy answers are all equal: expected 1, or evaluate.sampling.greedy = false");
    const bool puzzles = suite.scorer == "reasoning_gym" || suite.scorer == "puzzle";
    const bool programs = suite.scorer == "code" || suite.scorer == "external" ||
                          (puzzles && config.rewards.puzzle.programs);
    problems.require(!programs || config.rewards.workers > 0, "rewards.workers",
                     fmt::format("evaluate.suites[{}] runs programs: expected 1 or more", i));
  }
}

void check_prepare(const Config& config, base::Problems& problems) {
  problems.require(!config.prepare.sources.empty(), "prepare.sources",
                   "expected at least one [[prepare.sources]]");
  problems.require(config.rewards.scoring_models().empty(), "rewards.parts",
                   "prepare runs no model: parts that models score are for rl, generate and "
                   "evaluate");
}

using StageCheck = void (*)(const Config&, base::Problems&);

StageCheck check_of(Stage stage) {
  switch (stage) {
    case Stage::Prepare:
      return check_prepare;
    case Stage::Rl:
      return check_rl;
    case Stage::Sft:
      return check_sft;
    case Stage::Generate:
      return check_generate;
    case Stage::Distill:
      return check_distill;
    case Stage::Evaluate:
      return check_evaluate;
  }
  throw base::InternalError("unknown stage");
}

}  // namespace

void check_sections(const Config& config, base::Problems& problems) {
  check_bounds(config, problems);
  config.run.check("run", problems);
  config.model.check("model", problems);
  config.reference.check("reference", problems);
  config.teacher.check("teacher", problems);
  config.reward_model.check("reward_model", problems);
  config.classifier.check("classifier", problems);
  config.roles.check("roles", problems);
  config.communication.check("communication", problems);
  config.trainer.check("trainer", problems);
  config.sampling.check("sampling", problems);
  config.rollout.check("rollout", problems);
  config.engine.check("engine", problems);
  config.data.check("data", problems);
  config.rl.check("rl", problems);
  config.advantage.check("advantage", problems);
  config.kl.check("kl", problems);
  config.policy_loss.check("policy_loss", problems);
  config.value_loss.check("value_loss", problems);
  config.rewards.check("rewards", problems);
  config.sft.check("sft", problems);
  config.preference_loss.check("preference_loss", problems);
  config.distill.check("distill", problems);
  config.distillation_loss.check("distillation_loss", problems);
  config.generate.check("generate", problems);
  config.evaluate.check("evaluate", problems);
  config.prepare.check("prepare", problems);
  config.pipeline.check("pipeline", problems);
  config.optimizer.check("optimizer", problems);
  config.checkpoint.check("checkpoint", problems);
  config.metrics.check("metrics", problems);
  config.plan.check("plan", problems);
}

void check_combinations(const Config& config, std::optional<Stage> stage, bool model_from_stage,
                        base::Problems& problems) {
  check_roles(config, problems);
  check_device(config, problems);
  if (!stage) return;
  // Students and models that are named one by one bring their own paths.
  const bool brings_models = (*stage == Stage::Distill && !config.distill.students.empty()) ||
                             (*stage == Stage::Evaluate && !config.evaluate.models.empty());
  if (traits(*stage).has_policy && !brings_models)
    check_model_given(config, model_from_stage, problems);
  if (traits(*stage).answers) {
    check_model_rewards(config, *stage, problems);
    check_tools(config, *stage, problems);
  }
  check_of (*stage)(config, problems);
}

}  // namespace r1::config
