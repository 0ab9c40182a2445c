#include "plan/plan_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "config/judges.h"
#include "config/stage_roles.h"
#include "models/expert_decisions.h"
#include "models/model_size.h"

namespace r1::plan {
namespace {

constexpr double kMasterStates = 2.0;  // AdamW's moments

template <class A, class B>
double ceil_div(A dividend, B divisor) {
  const auto a = static_cast<double>(dividend), b = static_cast<double>(divisor);
  return std::ceil(a / std::max(1.0, b));
}

/// What one rank of a role computes with.
struct Part {
  const Config& config;
  Stage stage;
  const models::ModelOptions& model;
  const RolePlan& role;
  bool on_gpu;

  StageWork work() const { return work_of(config, stage); }
  const models::ModelShape& shape() const { return model.shape; }
  double value_bytes() const { return bytes_of(config.model.dtype); }
  models::ParameterCounts parameters() const {
    return count_parameters(shape(), {role.tp, role.tp * role.ep});
  }
  models::ParameterCounts trained() const {
    return count_trained_parameters(shape(), {role.tp, role.tp * role.ep});
  }
  double adapter_bytes() const {
    return shape().lora.used() ? trained().total() * value_bytes() : 0.0;
  }
  models::ActivationForm form(bool trains) const {
    return {value_bytes(), on_gpu, role.tp, trains && config.trainer.sequence_parallel};
  }
  double layers() const { return static_cast<double>(shape().num_hidden_layers); }
  double vocabulary() const { return ceil_div(static_cast<double>(shape().vocab_size), role.tp); }
};

/// Bytes of one logit: the fp32 chunk and its form in the model's dtype; on a CPU in backward the
/// gradient's narrow form too, which a GPU's kernel writes over the logits.
double logit_bytes(const Part& part, bool trains) {
  const double narrow = part.value_bytes() < 4.0 ? part.value_bytes() : 0.0;
  const double wide = std::max(4.0, part.value_bytes());
  return wide + narrow * (trains && !part.on_gpu ? 2.0 : 1.0);
}

double logits_chunk(const Part& part, double tokens, bool trains) {
  const double rows =
      std::min(static_cast<double>(part.config.trainer.logprob_chunk_tokens), tokens);
  double bytes = rows * part.vocabulary() * logit_bytes(part, trains);
  if (trains &&
      !part.shape().lora.used())  // the head's gradient: its sum in fp32 and a chunk's product
    bytes += part.vocabulary() * static_cast<double>(part.shape().hidden_size) *
             (std::max(4.0, part.value_bytes()) + part.value_bytes());
  return bytes;
}

/// Tokens of the largest pass: the budget, all there is, or one long sequence.
double tokens_of_pass(const Part& part, std::int64_t budget, double all) {
  return std::max(part.work().longest_sequence, std::min(static_cast<double>(budget), all));
}

/// Tokens of `samples` on a replica.
double tokens_of_replica(const Part& part, double samples) {
  const StageWork work = part.work();
  const double mine = ceil_div(samples, part.role.replicas());
  if (!work.repeats_prompts || !part.config.trainer.share_prefix)
    return mine * work.longest_sequence;
  const auto prompt = static_cast<double>(part.config.plan.mean_prompt_tokens);
  return mine * (work.longest_sequence - prompt) + ceil_div(mine, work.samples_per_prompt) * prompt;
}

double micro_batch_tokens(const Part& part) {
  return tokens_of_pass(part, part.config.trainer.micro_batch_tokens,
                        tokens_of_replica(part, part.work().samples_of_update));
}

double score_batch_tokens(const Part& part) {
  return tokens_of_pass(part, part.config.trainer.score_batch_tokens,
                        tokens_of_replica(part, part.work().samples));
}

/// Bytes of a token that wait on the device for backward, with the layer that is computed again.
double kept_activations(const Part& part, const models::ActivationForm& form) {
  const std::string& again = part.config.trainer.activation_checkpointing;
  const double layer = layer_activation_bytes(part.shape(), form);
  const double inputs = layer_input_bytes(part.shape(), form);
  if (again == "offload") return layer;
  if (again == "full") return part.layers() * inputs + layer;
  if (again == "none") return part.layers() * layer;
  // Selective: of the second half's inputs, the first half keeps the residual stream itself.
  const double first_half = attention_activation_bytes(part.shape(), form);
  const double attended = part.value_bytes() * static_cast<double>(part.shape().hidden_size);
  return part.layers() * (first_half + attended) + layer - first_half;
}

/// One layer's keys and values of all ranks of a context axis, as gathered and as attention takes
/// them.
void add_gathered_keys(const Part& part, double tokens, const char* phase,
                       std::vector<MemoryItem>& memory) {
  if (part.role.cp == 1) return;
  const double layer =
      kv_bytes_per_token(part.shape(), part.value_bytes(), part.role.tp) / part.layers();
  memory.push_back({"keys of other ranks", 2.0 * tokens * layer, phase});
}

/// Bytes of the weights that a rank keeps of its part of the model.
double kept_weights(const Part& part) {
  const models::ParameterCounts counts = part.parameters();
  const bool shared = part.role.shares_out_weights;
  const double ranks = shared ? static_cast<double>(part.role.copies()) : 1.0,
               expert_ranks = shared ? static_cast<double>(part.role.expert_copies()) : 1.0;
  return (counts.without_experts() / ranks + counts.routed_experts / expert_ranks) *
         part.value_bytes();
}

/// Parameters that are gathered at a time, where weights are shared out (models/weight_shards.h):
/// two layers, or a layer and the head.
double gathered_parameters(const Part& part) {
  const models::ParameterCounts counts = part.parameters();
  const double dense = static_cast<double>(part.shape().dense_layers()),
               sparse = part.layers() - dense;
  const double both = (counts.attention + counts.norms) / part.layers();
  const double experts = part.role.expert_copies() > 1 ? counts.routed_experts : 0.0;
  const double of_dense = dense > 0.0 ? counts.dense_mlp / dense : 0.0,
               of_sparse =
                   sparse > 0.0 ? (experts + counts.shared_experts + counts.router) / sparse : 0.0;
  const double layer = both + std::max(of_dense, of_sparse);
  return layer + std::max({layer, counts.embedding, counts.head});
}

void add_gathered_layers(const Part& part, const char* phase, std::vector<MemoryItem>& memory) {
  if (part.role.shares_out_weights)
    memory.push_back({"gathered layers", gathered_parameters(part) * part.value_bytes(), phase});
}

void add_training(const Part& part, std::vector<MemoryItem>& memory) {
  const config::TrainerOptions& trainer = part.config.trainer;
  const models::ParameterCounts counts = part.trained();
  const double master = bytes_of(part.config.model.master_dtype);
  const double own_masters = part.value_bytes() < master ? master : 0.0;
  const double state = kMasterStates * master + own_masters;
  const StateShares shared = state_shares(trainer, part.role.copies());
  const StateShares experts = state_shares(trainer, part.role.expert_copies());
  const auto spread = [&](double of_shared, double of_experts) {
    return counts.without_experts() / of_shared + counts.routed_experts / of_experts;
  };
  memory.push_back({"gradients", spread(shared.gradients, experts.gradients) *
                                     bytes_of(trainer.gradient_dtype)});
  memory.push_back({"optimizer", spread(shared.optimizer, experts.optimizer) * state, "",
                    trainer.offloads_optimizer()});
  const double tokens = ceil_div(micro_batch_tokens(part), part.role.cp);
  const models::ActivationForm form = part.form(true);
  memory.push_back({"activations", tokens * kept_activations(part, form), "update"});
  add_gathered_layers(part, "update", memory);
  if (part.role.shares_out_weights)
    memory.push_back({"layers' gradients",
                      gathered_parameters(part) * bytes_of(trainer.gradient_dtype), "update"});
  if (trainer.activation_checkpointing == "offload")
    memory.push_back({"layers' inputs",
                      tokens * part.layers() * layer_input_bytes(part.shape(), form), "update",
                      true});
  memory.push_back({"logits chunk", logits_chunk(part, tokens, true), "update"});
  add_gathered_keys(part, micro_batch_tokens(part), "update", memory);
  // A checkpoint's copy of master weights and moments, whose writing replicas share.
  memory.push_back({"checkpoint copy",
                    (kMasterStates + 1.0) * master *
                        spread(static_cast<double>(part.role.copies()),
                               static_cast<double>(part.role.expert_copies())),
                    "", true});
  // Messages of two rounds and, on the host, the largest tensor of a file (mpi/model_export.h).
  const models::ParameterCounts whole = count_parameters(part.shape());
  memory.push_back(
      {"export messages", 2.0 * static_cast<double>(trainer.bucket_bytes()), "export"});
  memory.push_back({"exported tensor", whole.embedding * master, "export", part.on_gpu});
  if (part.shape().lora.used())  // one at a time: at most gate and up (training/merged_weights.h)
    memory.push_back({"merged weight",
                      2.0 * static_cast<double>(part.shape().hidden_size) *
                          ceil_div(part.shape().intermediate_size, part.role.tp) * master,
                      "export"});
}

/// A token's keys and values and, where rl.router_replay records them, its experts as int16.
double cached_bytes_per_token(const Part& part) {
  const bool records = part.stage == Stage::Rl && part.config.rl.records_experts();
  return kv_bytes_per_token(part.shape(), part.value_bytes(), part.role.tp) +
         (records ? 2.0 * static_cast<double>(models::decisions_per_token(part.shape())) : 0.0);
}

/// Bytes of the cache, and the option that says them.
struct Cache {
  double bytes = 0.0;
  double least = 0.0;  // what the longest sequence alone takes
  const char* option = "";
};

/// The cache: as configured, or what the engine would make of its calls. Sequences take blocks as
/// they reach them, so that on a GPU less than all of them at their longest will do.
Cache cache_of(const Part& part, const DecodeBatch& batch, double room) {
  const generation::EngineOptions& engine = part.config.engine;
  const auto prompt = static_cast<double>(part.config.plan.mean_prompt_tokens);
  const auto size = static_cast<double>(engine.block_size);
  const double per_sequence = ceil_div(prompt + part.work().longest_completion, size) + 1.0;
  const double block = size * cached_bytes_per_token(part);
  const double least = block * per_sequence;
  if (engine.kv_cache_blocks > 0)
    return {block * static_cast<double>(engine.kv_cache_blocks), least, "kv_cache_blocks"};
  if (engine.kv_cache_gb > 0.0) return {engine.kv_cache_gb * 1e9, least, "kv_cache_gb"};
  const double all = block * (per_sequence * batch.sequences + 8.0 * ceil_div(prompt, size));
  return {part.on_gpu ? std::clamp(room, 0.0, all) : all, least, "gpu_memory_utilization"};
}

/// The largest call of the engine: a chunk of a step, or the held-out questions.
DecodeBatch largest_batch(const Part& part) {
  const Config& config = part.config;
  DecodeBatch batch = decode_batch(config, part.stage, part.role.replicas());
  if (part.stage != Stage::Rl || config.rl.eval_every == 0) return batch;
  const auto most = static_cast<double>(config.engine.max_num_seqs);
  const data::GeneratorOptions& made = config.data.generate;  // of files the number is unknown
  const double questions =
      made.names.empty() ? most : ceil_div(made.held_out_count, part.role.replicas());
  batch.prompts = std::max(batch.prompts, std::min(questions, most));
  batch.sequences = std::max(
      batch.sequences, std::min(questions * static_cast<double>(config.rl.eval_samples), most));
  return batch;
}

void add_generation(const Part& part, double room, std::vector<MemoryItem>& memory,
                    std::vector<std::string>& misfits) {
  const DecodeBatch batch = largest_batch(part);
  // Sampling goes through all layers for each token: it gathers the weights once and holds them.
  const double gathered = part.role.shares_out_weights
                              ? part.parameters().total() * part.value_bytes() - kept_weights(part)
                              : 0.0;
  if (gathered > 0.0) memory.push_back({"gathered weights", gathered, "generate"});
  const Cache cache = cache_of(part, batch, room - gathered);
  if (cache.bytes < cache.least)
    misfits.push_back(fmt::format(
        "{}: engine.{} leaves {:.2f} GB for the KV cache; one sequence of {:.0f} prompt and {:.0f} "
        "new tokens takes {:.2f} GB",
        part.role.role, cache.option, cache.bytes / 1e9,
        static_cast<double>(part.config.plan.mean_prompt_tokens), part.work().longest_completion,
        cache.least / 1e9));
  memory.push_back({kCacheItem, std::max(cache.bytes, cache.least)});
  const double prefill =
      std::min(static_cast<double>(part.config.engine.max_num_batched_tokens),
               batch.prompts * static_cast<double>(part.config.plan.mean_prompt_tokens));
  const double layer = layer_activation_bytes(part.shape(), part.form(false));
  // ATen's paged attention gathers a layer's keys and values.
  const double keys = part.on_gpu ? 2.0 * cache.bytes / part.layers() : 0.0;
  memory.push_back({"activations", std::max(prefill * layer, keys), "generate"});
  memory.push_back(
      {"logits", batch.sequences * part.vocabulary() * logit_bytes(part, false), "generate"});
}

void add_scoring(const Part& part, std::vector<MemoryItem>& memory) {
  const double tokens = ceil_div(score_batch_tokens(part), part.role.cp);
  memory.push_back(
      {"activations", tokens * layer_activation_bytes(part.shape(), part.form(false)), "score"});
  memory.push_back({"logits chunk", logits_chunk(part, tokens, false), "score"});
  add_gathered_layers(part, "score", memory);
  add_gathered_keys(part, score_batch_tokens(part), "score", memory);
}

/// The reference of a policy with adapters is the policy's base where they hold the same parts
/// (mpi/roles/reference.h).
bool is_base_of_policy(const Config& config, const RolePlan& role, const RolePlan* policy) {
  return role.role == "reference" && config.model.lora.used() && !config.reference.used() &&
         config.rl.reference_update_every == 0 && policy != nullptr &&
         policy->first_rank == role.first_rank && policy->num_ranks == role.num_ranks &&
         policy->tp == role.tp && policy->ep == role.ep && policy->cp == role.cp;
}

/// What one of a role's models takes on each of the role's ranks.
void add_model_memory(const Part& part, bool has_weights, RolePlan& role) {
  const Config& config = part.config;
  std::vector<MemoryItem> memory;
  role.parameters += count_parameters(part.shape()).total();
  if (has_weights)
    memory.push_back({"weights", kept_weights(part) + part.adapter_bytes(), "",
                      role.role == "reference" && config.trainer.offloads_reference()});
  const bool policy = role.role == parallel::kPolicy;
  if (policy && config::traits(part.stage).trains) add_training(part, memory);
  const bool other = !policy && role.role != parallel::kPolicyGenerate;
  if (other || (policy && part.stage == Stage::Rl && scores_itself(config)))
    add_scoring(part, memory);
  if (policy && part.stage == Stage::Distill && config.distill.mode == "logits" &&
      !config.teacher.shape.empty())
    memory.push_back({"teacher's head", static_cast<double>(config.teacher.shape.vocab_size) *
                                            static_cast<double>(config.teacher.shape.hidden_size) *
                                            part.value_bytes()});
  if (policy && part.stage == Stage::Sft && config.sft.objective == "dpo") {
    if (!config.model.lora.used() || config.reference.used())
      memory.push_back({"reference", kept_weights(part), "", config.trainer.offloads_reference()});
    add_scoring(part, memory);
  }
  for (MemoryItem& item : memory) {
    item.on_host = item.on_host && part.on_gpu;
    role.memory.push_back(item);
  }
}

}  // namespace

double bytes_of(const std::string& dtype) {
  if (dtype == "fp64") return 8.0;
  return dtype == "fp32" ? 4.0 : 2.0;
}

StateShares state_shares(const config::TrainerOptions& trainer, std::int64_t replicas) {
  const auto ranks = static_cast<double>(replicas);
  if (trainer.zero_stage == 0 || replicas == 1) return {};
  // Stage 1 sums its own micro-batches in a buffer of the whole model, beside the part it owns.
  return {trainer.zero_stage >= 2 ? ranks : ranks / (ranks + 1.0), ranks};
}

bool scores_itself(const Config& config) {
  const auto& rl = config.rl;
  const bool kl_rewards =
      config.advantage.has_token_rewards() && config.kl.in_reward() && config.kl.coefficient > 0.0;
  return config.advantage.needs_values() || kl_rewards || rl.update_epochs > 1 ||
         rl.mini_batch_samples() < rl.samples_per_step();
}

std::vector<models::ModelOptions> models_of_role(const Config& config, Stage stage,
                                                 const std::string& role) {
  if (role == parallel::kPolicy || role == parallel::kPolicyGenerate) return {config.model};
  if (role == "teacher") return {config.teacher};
  if (role == "reference") {
    const bool own = config.reference.used() || !config.reference.shape.empty();
    models::ModelOptions reference = own ? config.reference : config.model;
    if (config.rl.reference_update_every == 0) reference.shape.lora = {};  // the base
    return {reference};
  }
  if (stage == Stage::Sft) return {config.classifier};
  std::vector<models::ModelOptions> list;
  for (const config::Judge& judge : config::judges(config, config.rewards))
    list.push_back(judge.model);
  return list;
}

StageWork work_of(const Config& config, Stage stage) {
  const auto count = [](std::int64_t value) { return static_cast<double>(value); };
  const auto& sampling = stage == Stage::Evaluate ? config.evaluate.sampling : config.sampling;
  StageWork work;
  work.longest_completion = count(sampling.max_new_tokens);
  work.mean_completion = config.plan.mean_completion_tokens > 0
                             ? count(config.plan.mean_completion_tokens)
                             : work.longest_completion;
  const auto supervised = [&](std::int64_t batch, std::int64_t max_length) {
    work.samples = work.samples_of_update = count(batch);
    work.longest_sequence = count(max_length);
  };
  switch (stage) {
    case Stage::Rl:
      work.samples = count(config.rl.samples_per_step());
      work.samples_of_update = count(config.rl.mini_batch_samples());
      work.chunks = count(config.rl.chunks);
      work.prompts_of_call = ceil_div(config.rl.prompts_per_step, config.rl.chunks);
      work.samples_per_prompt = count(config.rl.samples_per_prompt);
      work.repeats_prompts = true;
      for (const config::RlChangeOptions& change : config.rl.changes)
        work.longest_completion = std::max(work.longest_completion, count(change.max_new_tokens));
      break;
    case Stage::Sft:
      supervised(config.sft.batch * (config.sft.learns_pairs() ? 2 : 1), config.sft.max_length);
      break;
    case Stage::Distill:
      supervised(config.distill.batch * config.distill.samples_per_prompt,
                 config.distill.max_length);
      if (!config.distill.on_policy) break;
      work.prompts_of_call = count(config.distill.batch);
      work.samples_per_prompt = count(config.distill.samples_per_prompt);
      break;
    case Stage::Generate:
      work.prompts_of_call = count(config.generate.prompts_per_chunk);
      work.samples_per_prompt = count(config.generate.samples_per_prompt);
      work.samples = work.prompts_of_call * work.samples_per_prompt;
      break;
    case Stage::Evaluate:  // suites are larger than what engines hold at once
      work.samples = count(config.engine.max_num_seqs);
      break;
    case Stage::Prepare:
      break;
  }
  if (work.longest_sequence == 0.0)
    work.longest_sequence = count(config.plan.mean_prompt_tokens) + work.longest_completion;
  return work;
}

DecodeBatch decode_batch(const Config& config, Stage stage, std::int64_t replicas) {
  const StageWork work = work_of(config, stage);
  const auto most = static_cast<double>(config.engine.max_num_seqs);
  if (work.prompts_of_call == 0.0) return {most, most};
  // All samples of a prompt are a replica's.
  const double mine = ceil_div(work.prompts_of_call, replicas);
  return {mine, std::min(mine * work.samples_per_prompt, most)};
}

std::vector<MemoryItem> program_memory(const Machine& machine) {
  std::vector<MemoryItem> memory{{"program", machine.program_gb * 1e9}};
  if (machine.has_gpu()) memory.push_back({"program", machine.host_program_gb * 1e9, "", true});
  return memory;
}

void add_role_memory(const Config& config, Stage stage, bool on_gpu, const RolePlan* policy,
                     RolePlan& role, std::vector<std::string>& notes) {
  for (const models::ModelOptions& model : models_of_role(config, stage, role.role)) {
    if (model.shape.empty())
      notes.push_back(
          role.role == "reward"
              ? fmt::format("reward: '{}' has no files here, or is no classifier on top of a "
                            "decoder: its memory is not counted",
                            model.path)
              : fmt::format(
                    "{}: the model's shape is neither in its files nor in the configuration "
                    "(include = \"../models/NAME.toml\" in the model's table): its memory "
                    "is not counted",
                    role.role));
    else
      add_model_memory({config, stage, model, role, on_gpu},
                       !is_base_of_policy(config, role, policy), role);
  }
}

void add_generation_memory(const Config& config, Stage stage, bool on_gpu, double room,
                           RolePlan& role, std::vector<std::string>& misfits) {
  const bool on_policy = stage == Stage::Distill && config.distill.on_policy;
  const bool samples =
      role.role == parallel::kPolicyGenerate ||
      (role.role == parallel::kPolicy &&
       (on_policy || (config::traits(stage).answers && !has_generation_role(config, stage))));
  const auto models = models_of_role(config, stage, role.role);
  if (samples && !models.empty() && !models.front().shape.empty())
    add_generation({config, stage, models.front(), role, on_gpu}, room, role.memory, misfits);
}

}  // namespace r1::plan
