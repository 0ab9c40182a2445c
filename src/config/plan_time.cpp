#include "config/plan_time.h"

#include <algorithm>

#include "config/model_size.h"

namespace r1::config {
namespace {

double ranks_of(const Plan& plan, const std::string& role) {
  for (const RolePlan& candidate : plan.roles)
    if (candidate.role == role) return static_cast<double>(candidate.num_ranks);
  return 0.0;
}

double completion_tokens(const Config& config, const generation::SamplingOptions& sampling) {
  return static_cast<double>(config.plan.mean_completion_tokens > 0
                                 ? config.plan.mean_completion_tokens
                                 : sampling.max_new_tokens);
}

/// Seconds to sample `sequences` completions: every decode step reads the weights and the cache
/// once and multiplies; the slower of the two counts.
double generation_seconds(const Config& config, const Plan& plan, double sequences,
                          double new_tokens) {
  const models::ModelShape& shape = config.model.shape;
  const double apart = ranks_of(plan, "policy.generate");
  const double ranks = apart > 0.0 ? apart : ranks_of(plan, "policy");
  if (shape.empty() || ranks <= 0.0) return 0.0;
  const double bytes = config.model.dtype == "fp32" ? 4.0 : 2.0;
  const auto mesh = config.roles.policy.generation_mesh();
  const double replicas = std::max(1.0, ranks / static_cast<double>(mesh.tp * mesh.ep));
  const double at_once =
      std::min(sequences / replicas, static_cast<double>(config.engine.max_num_seqs));
  if (at_once <= 0.0) return 0.0;
  const double context = static_cast<double>(config.plan.mean_prompt_tokens) + new_tokens / 2.0;
  const double ranks_of_replica = ranks / replicas;
  const double read = (count_parameters(shape).total() * bytes +
                       at_once * context * kv_bytes_per_token(shape, bytes)) /
                      (ranks_of_replica * plan.machine.bandwidth);
  const double multiply =
      at_once * forward_flops_per_token(shape, context) / (ranks_of_replica * plan.machine.flops);
  const double step = std::max(read, multiply) / config.plan.generate_efficiency;
  return step * new_tokens * (sequences / replicas / at_once);
}

double score_seconds(const Config& config, const Plan& plan, const models::ModelShape& shape,
                     const std::string& role, double tokens, double context) {
  const double ranks = ranks_of(plan, role);
  if (shape.empty() || ranks <= 0.0) return 0.0;
  return tokens * forward_flops_per_token(shape, context) /
         (ranks * plan.machine.flops * config.plan.train_efficiency);
}

/// Backward costs twice forward; full recomputation a forward more, selective about a third of one.
double update_seconds(const Config& config, const Plan& plan, double tokens, double context) {
  const std::string& recompute = config.trainer.activation_checkpointing;
  const double passes = recompute == "full" ? 4.0 : recompute == "selective" ? 3.33 : 3.0;
  return passes * score_seconds(config, plan, config.model.shape, "policy", tokens, context);
}

StepTime rl_time(const Config& config, const Plan& plan) {
  const auto samples = static_cast<double>(config.rl.samples_per_step());
  const double new_tokens = completion_tokens(config, config.sampling);
  const double length = static_cast<double>(config.plan.mean_prompt_tokens) + new_tokens;
  const models::ModelShape& reference =
      config.reference.shape.empty() ? config.model.shape : config.reference.shape;
  StepTime time;
  time.steps = static_cast<double>(config.rl.steps);
  time.tokens = samples * new_tokens;
  time.generate = generation_seconds(config, plan, samples, new_tokens);
  time.score = score_seconds(config, plan, reference, "reference", samples * length, length / 2.0);
  time.update = static_cast<double>(config.rl.update_epochs) *
                update_seconds(config, plan, samples * length, length / 2.0);
  return time;
}

StepTime supervised_time(const Config& config, const Plan& plan, std::int64_t batch,
                         std::int64_t steps) {
  const double length = static_cast<double>(config.plan.mean_prompt_tokens) +
                        completion_tokens(config, config.sampling);
  StepTime time;
  time.steps = static_cast<double>(steps);
  time.tokens = static_cast<double>(batch) * length;
  time.update = update_seconds(config, plan, time.tokens, length / 2.0);
  time.score =
      score_seconds(config, plan, config.teacher.shape, "teacher", time.tokens, length / 2.0);
  return time;
}

}  // namespace

StepTime estimate_step_time(const Config& config, const Plan& plan) {
  if (plan.command == "rl") return rl_time(config, plan);
  if (plan.command == "sft")
    return supervised_time(config, plan, config.sft.batch, config.sft.steps);
  if (plan.command == "distill")
    return supervised_time(config, plan, config.distill.batch, config.distill.steps);
  StepTime time;
  if (plan.command == "generate") {
    const double chunk =
        static_cast<double>(config.generate.prompts_per_chunk * config.generate.samples_per_prompt);
    const double new_tokens = completion_tokens(config, config.sampling);
    time.steps = static_cast<double>(config.generate.num_prompts) /
                 static_cast<double>(config.generate.prompts_per_chunk);
    time.tokens = chunk * new_tokens;
    time.generate = generation_seconds(config, plan, chunk, new_tokens);
  }
  return time;
}

}  // namespace r1::config
