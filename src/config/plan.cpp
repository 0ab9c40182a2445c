#include "config/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "config/model_size.h"
#include "config/plan_time.h"

namespace r1::config {
namespace {

double bytes_of(const std::string& dtype) {
  if (dtype == "fp64") return 8.0;
  return dtype == "fp32" ? 4.0 : 2.0;
}

/// A role that a command uses, before it has ranks.
struct Needed {
  std::string name;
  const RoleOptions* options;
  const models::ModelOptions* model;  // null: CPU rules alone
  bool trains;
  bool generates;
};

const models::ModelOptions& reference_model(const Config& config) {
  return config.reference.used() || !config.reference.shape.empty() ? config.reference
                                                                    : config.model;
}

/// The ranks that only sample for the policy ([roles] generate_ranks).
RoleOptions generation_role(const RolesOptions& roles) {
  RoleOptions role = roles.policy;
  role.ranks = roles.generate_ranks;
  role.share_with.clear();
  return role;
}

std::vector<Needed> needed_roles(const Config& config, const std::string& command,
                                 const RoleOptions& generation) {
  const bool trains = command == "rl" || command == "sft" || command == "distill";
  const bool generates = command == "rl" || command == "generate" || command == "evaluate";
  const bool apart = command == "rl" && generation.ranks > 0;
  std::vector<Needed> needed;
  if (command != "prepare")
    needed.push_back({"policy", &config.roles.policy, &config.model, trains, generates && !apart});
  if (command == "rl" && config.kl.place != "none")
    needed.push_back(
        {"reference", &config.roles.reference, &reference_model(config), false, false});
  const models::ModelOptions* judge = config.reward_model.used() ? &config.reward_model : nullptr;
  if (generates) needed.push_back({"reward", &config.roles.reward, judge, false, false});
  if (command == "sft" && config.sft.safety.weight > 0.0)
    needed.push_back({"reward", &config.roles.reward, &config.classifier, false, false});
  if (command == "distill" && config.distill.mode == "logits")
    needed.push_back({"teacher", &config.roles.teacher, &config.teacher, false, false});
  if (apart) needed.push_back({"policy.generate", &generation, &config.model, false, true});
  return needed;
}

RolePlan make_role(const Needed& role, std::int64_t first, std::int64_t ranks) {
  const MeshOptions mesh =
      role.trains || !role.generates ? role.options->train : role.options->generation_mesh();
  RolePlan plan;
  plan.role = role.name;
  plan.first_rank = first;
  plan.num_ranks = ranks;
  plan.tp = mesh.tp;
  plan.ep = mesh.ep;
  plan.dp = std::max<std::int64_t>(1, ranks / (mesh.tp * mesh.ep));
  return plan;
}

/// Ranks by role: as asked; automatic: one rank each beside the policy, which gets the rest; with a
/// world of 1 all share.
void place_roles(const std::vector<Needed>& needed, std::int64_t world, Plan& plan) {
  std::int64_t others = 0;
  for (const Needed& role : needed)
    if (role.name != "policy" && role.options->share_with.empty() && world > 1)
      others += std::max<std::int64_t>(1, role.options->ranks);
  std::int64_t next = 0;
  for (const Needed& role : needed) {
    const bool policy = role.name == "policy";
    const std::int64_t automatic = policy ? std::max<std::int64_t>(1, world - others) : 1;
    if (!role.options->share_with.empty() && !policy) continue;
    if (world == 1 && !policy && role.name != "policy.generate") continue;
    const std::int64_t ranks = role.options->ranks > 0 ? role.options->ranks : automatic;
    plan.roles.push_back(make_role(role, next, ranks));
    next += ranks;
  }
  if (next > world)
    plan.misfits.push_back(
        fmt::format("the roles need {} ranks of their own, there are {}", next, world));
}

void place_sharing_roles(const std::vector<Needed>& needed, std::int64_t world, Plan& plan) {
  for (const Needed& role : needed) {
    if (role.name == "policy" || role.name == "policy.generate") continue;
    if (role.options->share_with.empty() && world > 1) continue;
    const std::string& host = role.options->share_with;
    std::int64_t first = 0, ranks = 1;
    for (const RolePlan& other : plan.roles) {
      // Roles that share with the policy are beside its sampling, which comes after it here.
      const std::string& name = other.role == "policy.generate" ? "policy" : other.role;
      if (name != (host.empty() ? "policy" : host)) continue;
      first = other.first_rank;
      ranks = other.num_ranks;
    }
    plan.roles.push_back(make_role(role, first, ranks));
  }
}

/// Parameters that one rank of the role holds: experts over ep and tp, the rest over tp.
double parameters_of_rank(const models::ModelShape& shape, const RolePlan& role) {
  const ParameterCounts counts = count_parameters(shape);
  const auto tp = static_cast<double>(role.tp);
  return (counts.total() - counts.routed_experts) / tp +
         counts.routed_experts / (tp * static_cast<double>(role.ep));
}

std::int64_t longest_completion(const Config& config, const std::string& command) {
  std::int64_t longest = command == "evaluate" ? config.evaluate.sampling.max_new_tokens
                                               : config.sampling.max_new_tokens;
  for (const RlChangeOptions& change : config.rl.changes)
    if (command == "rl") longest = std::max(longest, change.max_new_tokens);
  return longest;
}

void add_training_memory(const Config& config, const RolePlan& role, double parameters,
                         std::vector<MemoryItem>& memory) {
  const models::ModelOptions& model = config.model;
  const double weight = bytes_of(model.dtype);
  const double master = bytes_of(model.master_dtype);
  const double shards = config.trainer.shard_optimizer ? static_cast<double>(role.dp) : 1.0;
  const bool offload = config.trainer.offload == "optimizer" || config.trainer.offload == "both";
  const double state = 2.0 * master + (model.dtype == model.master_dtype ? 0.0 : master);
  const auto tokens = static_cast<double>(config.trainer.micro_batch_tokens);
  memory.push_back({"gradients", parameters * bytes_of(config.trainer.gradient_dtype)});
  memory.push_back({"optimizer", offload ? 0.0 : parameters * state / shards});
  memory.push_back(
      {"activations", tokens *
                          activation_bytes_per_token(
                              model.shape, config.trainer.activation_checkpointing, weight) /
                          static_cast<double>(role.tp)});
}

/// The cache: as configured, or what max_num_seqs of the longest sequences need.
double cache_bytes(const Config& config, const std::string& command, const RolePlan& role) {
  const double token = kv_bytes_per_token(config.model.shape, bytes_of(config.model.dtype)) /
                       (config.model.shape.is_deepseek() ? 1.0 : static_cast<double>(role.tp));
  const generation::EngineOptions& engine = config.engine;
  if (engine.kv_cache_gb > 0.0) return engine.kv_cache_gb * 1e9;
  if (engine.kv_cache_blocks > 0)
    return token * static_cast<double>(engine.kv_cache_blocks * engine.block_size);
  const std::int64_t length = config.plan.mean_prompt_tokens + longest_completion(config, command);
  std::int64_t sequences = engine.max_num_seqs;
  if (command == "rl")
    sequences = std::min(sequences, (config.rl.samples_per_step() + role.dp - 1) / role.dp);
  return token * static_cast<double>(sequences * length);
}

void add_memory(const Config& config, const std::string& command, const Needed& needed,
                RolePlan& role, Plan& plan) {
  if (needed.model == nullptr) return;
  const models::ModelShape& shape = needed.model->shape;
  if (shape.empty()) {
    plan.notes.push_back(fmt::format(
        "{}: the shape is not in the configuration (include = \"../models/NAME.toml\" in the "
        "model's table): its memory is not counted",
        needed.name));
    return;
  }
  const double parameters = parameters_of_rank(shape, role);
  const bool offload = needed.name == "reference" &&
                       (config.trainer.offload == "reference" || config.trainer.offload == "both");
  role.parameters = count_parameters(shape).total();
  role.memory.push_back({"weights", offload ? 0.0 : parameters * bytes_of(needed.model->dtype)});
  if (needed.trains) add_training_memory(config, role, parameters, role.memory);
  if (needed.trains && needed.generates && command == "rl" && config.rl.staleness > 0)
    role.memory.push_back({"weights to sample with", parameters * bytes_of(needed.model->dtype)});
  if (needed.generates) role.memory.push_back({"KV cache", cache_bytes(config, command, role)});
  // Logits, their softmax and its gradient, in fp32.
  const double copies = needed.trains ? 3.0 : 1.0;
  role.memory.push_back(
      {"logits chunk", copies * 4.0 * static_cast<double>(shape.vocab_size) *
                           static_cast<double>(config.trainer.logprob_chunk_tokens) /
                           static_cast<double>(role.tp)});
}

void find_misfits(Plan& plan) {
  for (const RolePlan& role : plan.roles) {
    const double bytes = plan.bytes_on_rank(role.first_rank);
    if (role.num_ranks % (role.tp * role.ep) != 0)
      plan.misfits.push_back(fmt::format("{}: {} ranks are no multiple of tp {} x ep {}", role.role,
                                         role.num_ranks, role.tp, role.ep));
    if (bytes <= plan.machine.memory || role.memory.empty()) continue;
    const auto largest = std::max_element(
        role.memory.begin(), role.memory.end(),
        [](const MemoryItem& a, const MemoryItem& b) { return a.bytes < b.bytes; });
    plan.misfits.push_back(fmt::format(
        "{}: a rank needs {:.1f} GB of the {:.0f} GB of {}; the largest part is {} with {:.1f} GB",
        role.role, bytes / 1e9, plan.machine.memory / 1e9, plan.machine.name, largest->kind,
        largest->bytes / 1e9));
  }
}

/// Students run one after another: the largest says what is needed.
Config with_largest_student(Config config) {
  for (const StudentOptions& student : config.distill.students)
    if (count_parameters(student.shape).total() > count_parameters(config.model.shape).total())
      config.model.shape = student.shape;
  return config;
}

std::string time_text(const StepTime& time, std::int64_t ranks) {
  if (time.seconds() <= 0.0) return "";
  std::string text = fmt::format(
      "step: {:.3g} s = generate {:.3g} + score {:.3g} + update {:.3g}; {:.4g} tokens/s\n",
      time.seconds(), time.generate, time.score, time.update, time.tokens / time.seconds());
  const double days = time.steps * time.seconds() / 86400.0;
  if (time.steps > 0.0)
    text += fmt::format("stage: {:.0f} steps, {:.3g} days, {:.3g} rank-hours\n", time.steps, days,
                        days * 24.0 * static_cast<double>(ranks));
  return text;
}

}  // namespace

Machine find_machine(const PlanOptions& plan, const std::string& device) {
  // Vendors' data sheets: memory, dense bf16 peak, memory bandwidth. The CPU: two server cores.
  static const std::array<Machine, 6> machines = {{{"A100-40", 40e9, 312e12, 1.555e12},
                                                   {"A100-80", 80e9, 312e12, 2.039e12},
                                                   {"H100", 80e9, 989e12, 3.35e12},
                                                   {"H200", 141e9, 989e12, 4.8e12},
                                                   {"H800", 80e9, 989e12, 3.35e12},
                                                   {"cpu", 64e9, 0.4e12, 20e9}}};
  const std::string automatic = device == "cuda" ? "H100" : "cpu";
  const std::string& wanted = plan.gpu == "auto" ? automatic : plan.gpu;
  Machine found = machines.back();
  for (const Machine& machine : machines)
    if (machine.name == wanted) found = machine;
  if (plan.memory_gb > 0.0) found.memory = plan.memory_gb * 1e9;
  return found;
}

double RolePlan::bytes() const {
  double sum = 0.0;
  for (const MemoryItem& item : memory) sum += item.bytes;
  return sum;
}

double Plan::bytes_on_rank(std::int64_t rank) const {
  double sum = 0.0;
  for (const RolePlan& role : roles)
    if (rank >= role.first_rank && rank < role.first_rank + role.num_ranks) sum += role.bytes();
  return sum;
}

Plan make_plan(const Config& asked, const std::string& command, std::int64_t world_size) {
  const Config config = command == "distill" ? with_largest_student(asked) : asked;
  Plan plan;
  plan.command = command;
  plan.world_size = world_size;
  plan.machine = find_machine(config.plan, config.run.device);
  const RoleOptions generation = generation_role(config.roles);
  const std::vector<Needed> needed = needed_roles(config, command, generation);
  place_roles(needed, world_size, plan);
  place_sharing_roles(needed, world_size, plan);
  for (RolePlan& role : plan.roles)
    for (const Needed& need : needed)
      if (need.name == role.role) add_memory(config, command, need, role, plan);
  find_misfits(plan);
  plan.time = estimate_step_time(config, plan);
  if (command == "rl" && config.rl.staleness > 0 && generation.ranks > 0)
    plan.notes.push_back(
        "rl.staleness: samples are drawn and scored while the update runs, so that a step takes "
        "the longer of the two rather than the sum below");
  return plan;
}

std::string Plan::text() const {
  std::string out = fmt::format("{} on {} x {} ({:.0f} GB)\n", command, world_size, machine.name,
                                machine.memory / 1e9);
  for (const RolePlan& role : roles) {
    out += fmt::format("{:<10} ranks {}-{}  tp {} ep {} dp {}", role.role, role.first_rank,
                       role.first_rank + role.num_ranks - 1, role.tp, role.ep, role.dp);
    if (role.parameters > 0.0) out += fmt::format("  {:.3g} parameters", role.parameters);
    out += fmt::format("  {:.2f} GB a rank\n", role.bytes() / 1e9);
    for (const MemoryItem& item : role.memory)
      out += fmt::format("    {:<14}{:>10.3f} GB\n", item.kind, item.bytes / 1e9);
  }
  out += time_text(time, world_size);
  for (const std::string& note : notes) out += "note: " + note + "\n";
  for (const std::string& misfit : misfits) out += "does not fit: " + misfit + "\n";
  return out;
}

}  // namespace r1::config
