#include "plan/plan_time.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "config/stage_roles.h"
#include "models/model_boxes.h"
#include "models/model_size.h"
#include "plan/plan_memory.h"
#include "tensor/dtype.h"

namespace r1::plan {
namespace {

constexpr double kMicro = 1e-6;
constexpr double kGiga = 1e9;
constexpr double kStartCollectives = 42.0;  // of a rank besides its steps: tests/bench/scale.py

double count(std::int64_t value) {
  return static_cast<double>(value);
}

/// A link between ranks, as large collectives see it.
struct Link {
  double bytes_per_second = 1.0;
  double latency = 0.0;

  /// A ring's all_reduce of `bytes` on each of `ranks`; half of it is a reduce_scatter or
  /// all_gather.
  double all_reduce(double bytes, double ranks) const {
    if (ranks <= 1.0) return 0.0;
    return 2.0 * (ranks - 1.0) / ranks * bytes / bytes_per_second +
           2.0 * std::ceil(std::log2(ranks)) * latency;
  }
  /// Every rank sends `bytes` in all, evenly to the others.
  double all_to_all(double bytes, double ranks) const {
    if (ranks <= 1.0) return 0.0;
    return (ranks - 1.0) / ranks * bytes / bytes_per_second + latency;
  }
};

/// What one role computes with: its model, its split, its machine.
class Worker {
 public:
  Worker(const Config& config, const Plan& plan, const RolePlan& role,
         const models::ModelShape& shape)
      : config_(config), machine_(plan.machine), role_(role), shape_(shape) {}

  double replicas() const { return count(role_.replicas()); }
  double ranks() const { return count(role_.num_ranks); }

  /// The link of groups of `ranks` neighbours.
  Link link(double ranks) const {
    const bool inside = ranks <= count(config_.plan.gpus_per_node);
    const double rate = inside ? machine_.link_gb_per_second : machine_.network_gb_per_second;
    return {rate * kGiga * machine_.communication_efficiency,
            kMicro * (inside ? machine_.link_latency_us : machine_.network_latency_us)};
  }

  /// Collectives of one pass of a replica's `tokens` through the model: two all_reduces a layer
  /// over tp (as much with sequence parallelism), for experts the tokens' way to them and back.
  double pass_communication(double tokens) const {
    const double cp = count(role_.cp);
    const double bytes = tokens / cp * count(shape_.hidden_size) * bytes_of(config_.model.dtype);
    const double tp = count(role_.tp), expert_ranks = count(role_.tp * role_.ep);
    const double layers = count(shape_.num_hidden_layers);
    double seconds = 2.0 * layers * link(tp).all_reduce(bytes, tp);
    const double sparse = layers - count(shape_.dense_layers());
    // The ranks of a tensor group share the work of sending its tokens.
    seconds += sparse * 2.0 * to_experts(bytes / tp, expert_ranks);
    // Each layer gathers the keys and values of the other ranks' tokens.
    const double keys =
        tokens * kv_bytes_per_token(shape_, bytes_of(config_.model.dtype), role_.tp);
    seconds += 0.5 * link(tp * cp).all_reduce(keys, cp);
    return seconds;
  }

  /// All layers of a rank's part of the model from the copies that share them out, layer by layer.
  double gather() const {
    if (!role_.shares_out_weights) return 0.0;
    const models::ParameterCounts held = count_parameters(shape_, {role_.tp, role_.tp * role_.ep});
    const double layers = count(shape_.num_hidden_layers);
    const double value = bytes_of(config_.model.dtype) / layers;
    const auto once = [&](double parameters, std::int64_t copies) {
      return 0.5 * layers * link(ranks()).all_reduce(parameters * value, count(copies));
    };
    return once(held.without_experts(), role_.copies()) +
           once(held.routed_experts, role_.expert_copies());
  }
  /// The sum of one micro-batch's gradients, as many as gather() has weights.
  double scatter_gradients() const {
    return gather() * bytes_of(config_.trainer.gradient_dtype) / bytes_of(config_.model.dtype);
  }
  /// What `seconds` of computation do not hide of `gathers` times gather().
  double exposed_gather(double gathers, double seconds) const {
    return std::max(0.0, gathers * gather() - machine_.overlap * seconds);
  }

  /// A forward pass over `tokens` of all replicas, `context` tokens before each on average.
  double forward(double tokens, double context) const {
    return tokens * forward_flops_per_token(shape_, context) /
           (ranks() * machine_.flops(config_.model.dtype) * machine_.train_efficiency);
  }

  /// One decode step of `sequences` on each replica: weights and cache are read, and all is
  /// multiplied; the slower of the two counts, and besides it each layer's small kernels.
  double decode_step(double sequences, double context) const {
    const double value = bytes_of(config_.model.dtype);
    const models::ParameterCounts held = count_parameters(shape_, {role_.tp, role_.tp * role_.ep});
    const double read =
        (held.without_experts() + held.routed_experts * experts_met(sequences)) * value +
        sequences * context * kv_bytes_per_token(shape_, value, role_.tp);
    const double multiplied =
        sequences * forward_flops_per_token(shape_, context) / count(role_.tp);
    const double work =
        std::max(read / machine_.bandwidth(), multiplied / machine_.flops(config_.model.dtype)) /
        machine_.generate_efficiency;
    return work + count(shape_.num_hidden_layers) * machine_.decode_layer_us * kMicro;
  }

 private:
  /// One way of each rank's `bytes` of rows to the `ranks` with the experts: to each node once, and
  /// on within the node.
  double to_experts(double bytes, double ranks) const {
    const double on_node = count(config_.plan.gpus_per_node), nodes = ranks / on_node;
    const double neighbours = std::min(ranks, on_node);
    const double within = link(neighbours).all_to_all(bytes * holders(ranks), neighbours);
    if (nodes <= 1.0) return within;
    if (on_node == 1.0 || nodes != std::floor(nodes))
      return link(ranks).all_to_all(bytes * holders(ranks), ranks);
    return link(ranks).all_to_all(bytes * holders(nodes), nodes) + within;
  }
  /// How many of `parts` equal parts of the experts hold some of a token's, on average.
  double holders(double parts) const {
    const models::ExpertOptions& experts = shape_.experts;
    if (experts.num_experts == 0) return 0.0;
    const double within =
        std::max(1.0, parts * count(experts.num_groups_per_token) / count(experts.num_groups));
    return within * (1.0 - std::pow(1.0 - 1.0 / within, count(experts.num_experts_per_token)));
  }
  /// Share of a rank's experts that some token of a decode step visits.
  double experts_met(double sequences) const {
    const models::ExpertOptions& experts = shape_.experts;
    if (experts.num_experts == 0) return 0.0;
    const double tokens = sequences * count(role_.ep);
    const double missed = 1.0 - count(experts.num_experts_per_token) / count(experts.num_experts);
    return 1.0 - std::pow(missed, tokens);
  }

  const Config& config_;
  const Machine& machine_;
  const RolePlan& role_;
  const models::ModelShape& shape_;
};

/// Sequences that the cache of a sampling role holds at once: each its mean completion and its part
/// of a prompt that samples share.
double sequences_in_cache(const Config& config, const Plan& plan, const RolePlan& role) {
  const StageWork work = work_of(config, plan.stage);
  const double held =
      work.mean_completion + count(config.plan.mean_prompt_tokens) / work.samples_per_prompt;
  const double token =
      kv_bytes_per_token(config.model.shape, bytes_of(config.model.dtype), role.tp);
  double bytes = 0.0;
  for (const MemoryItem& item : role.memory)
    if (item.kind == kCacheItem) bytes += item.bytes;
  return std::max(1.0, bytes / (token * held));
}

/// Sampling `calls` times the batch of the engine, one call after another.
void add_generation(const Config& config, const Plan& plan, double calls, StepTime& time) {
  const RolePlan* role = plan.find(parallel::kPolicyGenerate);
  if (role == nullptr) role = plan.find(parallel::kPolicy);
  if (role == nullptr || config.model.shape.empty()) return;
  const Worker worker(config, plan, *role, config.model.shape);
  const DecodeBatch batch = decode_batch(config, plan.stage, role->replicas());
  const StageWork work = work_of(config, plan.stage);
  const double samples = work.samples_per_prompt, mean = work.mean_completion;
  const double prompt = count(config.plan.mean_prompt_tokens);
  // Freed slots are filled again: the steps of all tokens in full batches, or of one mean sequence.
  const double tokens = batch.prompts * samples * mean;
  const double steps =
      std::max(mean, tokens / std::min(batch.sequences, sequences_in_cache(config, plan, *role)));
  const double at_once = tokens / steps;
  const double exchanged = steps * worker.pass_communication(at_once) +
                           worker.pass_communication(batch.prompts * prompt);
  const double prefill = worker.forward(batch.prompts * prompt * worker.replicas(), prompt / 2.0);
  const double decode = steps * worker.decode_step(at_once, prompt + mean / 2.0);
  time.generate = calls * (prefill + decode + exchanged);
  time.gather += calls * worker.gather();  // before the first token
  time.communication += calls * exchanged;
}

/// Scoring of all sequences by a role; ranks of its own work while later chunks are sampled.
void add_scoring(const Config& config, const Plan& plan, const std::string& name, double tokens,
                 double context, StepTime& time) {
  const RolePlan* role = plan.find(name);
  if (role == nullptr) return;
  double exchanged = 0.0, seconds = 0.0;
  for (const models::ModelOptions& model : models_of_role(config, plan.stage, name)) {
    if (model.shape.empty()) continue;
    const Worker worker(config, plan, *role, model.shape);
    const double exchange = worker.pass_communication(tokens / worker.replicas());
    const double forward = worker.forward(tokens, context);
    const double passes =
        std::max(1.0, tokens / (worker.replicas() * count(config.trainer.score_batch_tokens)));
    exchanged += exchange;
    seconds += forward + exchange;
    time.gather += worker.exposed_gather(passes, forward);
  }
  if (seconds == 0.0) return;
  const RolePlan* policy = plan.find(parallel::kPolicy);
  const bool apart = policy == nullptr || !policy->is_on(role->first_rank);
  const double chunks = work_of(config, plan.stage).chunks;
  const double hidden = apart ? time.generate * (1.0 - 1.0 / chunks) : 0.0;
  time.score += std::max(seconds / chunks, seconds - hidden);
  time.communication += exchanged;
}

/// Bytes of gradients that a rank reduces, shared parameters and experts apart.
struct Reduced {
  double shared, experts;
};

/// One optimizer step's reductions, its update, and the weights' way back where state is sharded.
void add_optimizer_steps(const Config& config, const Plan& plan, const RolePlan& role, double steps,
                         double last_backward, StepTime& time) {
  const config::TrainerOptions& trainer = config.trainer;
  const Worker worker(config, plan, role, config.model.shape);
  const models::ParameterCounts held =
      count_trained_parameters(config.model.shape, {role.tp, role.tp * role.ep});
  const double gradient = bytes_of(trainer.gradient_dtype);
  const Reduced bytes{held.without_experts() * gradient, held.routed_experts * gradient};
  const double copies = count(role.copies()), expert_copies = count(role.expert_copies());
  const Link link = worker.link(worker.ranks());
  const double reduce =
      link.all_reduce(bytes.shared, copies) + link.all_reduce(bytes.experts, expert_copies);
  if (!role.shares_out_weights)
    time.reduce += steps * std::max(0.0, reduce - plan.machine.overlap * last_backward);

  const double master = bytes_of(config.model.master_dtype);
  const double shared = state_shares(trainer, role.copies()).optimizer,
               experts = state_shares(trainer, role.expert_copies()).optimizer;
  const double updated = held.without_experts() / shared + held.routed_experts / experts;
  // Master and moments are read and written, gradients read, weights written.
  const double touched = updated * (6.0 * master + gradient + bytes_of(config.model.dtype));
  if (!trainer.offloads_optimizer()) {
    time.optimizer += steps * touched / plan.machine.bandwidth();
    return;
  }
  // Gradients and new weights travel while the host updates: the slower of the two counts.
  const double travels = updated * (gradient + bytes_of(config.model.dtype));
  time.optimizer += steps * std::max(touched / (plan.machine.host_update_gb_per_second * kGiga),
                                     travels / (plan.machine.host_link_gb_per_second * kGiga));
}

/// The part of a forward pass that backward does again.
double recomputed_share(const Config& config, double context) {
  const std::string& again = config.trainer.activation_checkpointing;
  if (again == "none") return 0.0;
  if (again != "selective") return 1.0;
  return feed_forward_flops_per_token(config.model.shape) /
         forward_flops_per_token(config.model.shape, context);
}

/// Training on `tokens` of all replicas in `steps` optimizer steps. Backward costs twice forward:
/// the gradients of activations and those of weights, which a base has not.
void add_update(const Config& config, const Plan& plan, double tokens, double context, double steps,
                StepTime& time) {
  const RolePlan* role = plan.find(parallel::kPolicy);
  if (role == nullptr || config.model.shape.empty()) return;
  const Worker worker(config, plan, *role, config.model.shape);
  const double backward = config.model.lora.used() ? 1.0 : 2.0;
  const double again = recomputed_share(config, context);
  const double passes = 1.0 + backward + again;
  const double forward = worker.forward(tokens, context);
  // Backward's collectives are as large as forward's.
  const double exchanged = (2.0 + again) * worker.pass_communication(tokens / worker.replicas());
  const double micro_batches = std::max(
      1.0, tokens / (worker.replicas() * steps * count(config.trainer.micro_batch_tokens)));
  // The host issues a micro-batch's kernels while the device computes: the slower of them counts.
  const double issued = steps * std::ceil(micro_batches) * passes / 3.0 *
                        count(config.model.shape.num_hidden_layers) * plan.machine.train_layer_us *
                        kMicro;
  time.update += std::max(passes * forward, issued) + exchanged;
  time.communication += exchanged;
  const double all_passes = steps * micro_batches;
  time.gather += worker.exposed_gather(2.0 * all_passes, passes * forward);
  if (role->shares_out_weights)  // a reduce_scatter of each micro-batch
    time.reduce += std::max(
        0.0, all_passes * worker.scatter_gradients() - plan.machine.overlap * backward * forward);
  add_optimizer_steps(config, plan, *role, steps, backward * forward / (steps * micro_batches),
                      time);
}

/// The role as a stage would make it.
parallel::RoleAssignment assignment(const RolePlan& role) {
  std::vector<int> ranks(static_cast<std::size_t>(role.num_ranks));
  std::iota(ranks.begin(), ranks.end(), static_cast<int>(role.first_rank));
  const auto size = [](std::int64_t value) { return static_cast<int>(value); };
  return {role.role, std::move(ranks),
          parallel::Mesh({{"dp", size(role.dp)},
                          {"ep", size(role.ep)},
                          {"cp", size(role.cp)},
                          {"tp", size(role.tp)}})};
}

/// Bytes into the rank of `to` that receives most of the policy's weights.
double weights_received(const Config& config, const RolePlan& policy, const RolePlan& to) {
  const auto sender = assignment(policy), receiver = assignment(to);
  const bool share_out = config.trainer.shares_out_weights();
  const models::Holders from{sender, share_out},
      into{receiver, share_out && to.role == "reference"};
  if (models::hold_the_same_parts(from, into)) return 0.0;
  const auto& name = config.model.dtype;
  return models::most_bytes_received(
      config.model.shape, name == "auto" ? at::kBFloat16 : tensor::parse_dtype(name), from, into);
}

/// Weights to the sampling layout, and every reference_update_every steps to the reference.
void add_synchronisation(const Config& config, const Plan& plan, StepTime& time) {
  const RolePlan* policy = plan.find(parallel::kPolicy);
  if (policy == nullptr || config.model.shape.empty()) return;
  const Worker worker(config, plan, *policy, config.model.shape);
  const auto seconds = [&](const RolePlan& to) {
    const double ranks =
        count(std::max(policy->first_rank + policy->num_ranks, to.first_rank + to.num_ranks));
    return weights_received(config, *policy, to) / worker.link(ranks).bytes_per_second;
  };
  if (const RolePlan* sampling = plan.find(parallel::kPolicyGenerate))
    time.synchronise += seconds(*sampling);
  if (const RolePlan* reference = plan.find("reference");
      reference != nullptr && config.rl.reference_update_every > 0)
    time.synchronise += seconds(*reference) / count(config.rl.reference_update_every);
}

StepTime rl_time(const Config& config, const Plan& plan) {
  const config::RlOptions& rl = config.rl;
  const double samples = count(rl.samples_per_step());
  const double new_tokens = work_of(config, plan.stage).mean_completion;
  const double prompt = count(config.plan.mean_prompt_tokens);
  const double prompts = config.trainer.share_prefix ? count(rl.prompts_per_step) : samples;
  const double tokens = prompts * prompt + samples * new_tokens;
  const double context = (prompt + new_tokens) / 2.0;
  StepTime time;
  time.steps = count(rl.steps);
  time.tokens = samples * new_tokens;
  add_generation(config, plan, count(rl.chunks), time);
  for (const char* role : {"reference", "reward"})
    add_scoring(config, plan, role, tokens, context, time);
  if (scores_itself(config)) add_scoring(config, plan, parallel::kPolicy, tokens, context, time);
  const double epochs = count(rl.update_epochs);
  const double steps = epochs * std::ceil(samples / count(rl.mini_batch_samples()));
  add_update(config, plan, epochs * tokens, context, steps, time);
  add_synchronisation(config, plan, time);
  return time;
}

/// `Options`: config::SftOptions or config::DistillOptions.
template <class Options>
StepTime supervised_time(const Config& config, const Plan& plan, const Options& stage) {
  const StageWork work = work_of(config, plan.stage);
  const double length = count(config.plan.mean_prompt_tokens) + work.mean_completion;
  StepTime time;
  time.steps = stage.steps > 0 ? count(stage.steps)
                               : count(stage.epochs) *
                                     std::ceil(count(config.plan.records) / count(stage.batch));
  time.tokens = work.samples * length;
  if (plan.stage == Stage::Distill && config.distill.on_policy)
    add_generation(config, plan, 1.0, time);
  if (plan.stage == Stage::Sft && config.sft.objective == "dpo")  // by the reference
    add_scoring(config, plan, parallel::kPolicy, time.tokens, length / 2.0, time);
  add_update(config, plan, time.tokens, length / 2.0, 1.0, time);
  add_scoring(config, plan, "teacher", time.tokens, length / 2.0, time);
  return time;
}

StepTime generate_time(const Config& config, const Plan& plan) {
  const StageWork work = work_of(config, plan.stage);
  StepTime time;
  time.steps = std::ceil(count(config.generate.num_prompts) / work.prompts_of_call);
  time.tokens = work.samples * work.mean_completion;
  add_generation(config, plan, 1.0, time);
  return time;
}

/// Bytes of a kind on each rank of a role.
double bytes_of_kind(const RolePlan& role, const std::string& kind) {
  double bytes = 0.0;
  for (const MemoryItem& item : role.memory)
    if (item.kind == kind) bytes += item.bytes;
  return bytes;
}

/// `bytes` between each of `ranks` and the file system.
double file_seconds(const Config& config, const Machine& machine, double bytes, double ranks) {
  const double of_node = std::min(ranks, count(config.plan.gpus_per_node));
  return bytes *
         std::max(of_node / machine.node_files_gb_per_second,
                  ranks / machine.all_files_gb_per_second) /
         kGiga;
}

/// Whether a role reads its model from files; a reference without is a copy of the policy.
bool reads_files(const Config& config, const std::string& role) {
  if (role == parallel::kPolicyGenerate) return false;
  return role != "reference" || !config.reference.path.empty();
}

}  // namespace

OutsideTime estimate_outside_time(const Config& config, const Plan& plan) {
  const Machine& machine = plan.machine;
  const double ranks = count(plan.world_size);
  const bool inside = plan.world_size <= config.plan.gpus_per_node;
  OutsideTime time;
  time.program = machine.start_seconds +
                 kStartCollectives * std::ceil(std::log2(std::max(1.0, ranks))) * kMicro *
                     (inside ? machine.link_latency_us : machine.network_latency_us);
  for (const RolePlan& role : plan.roles) {
    const double of_role = count(role.num_ranks);
    if (reads_files(config, role.role)) {
      const double weights = bytes_of_kind(role, "weights");
      time.load += file_seconds(config, machine, weights, of_role);
      time.loaded_bytes += weights * of_role;
    }
    const double copy = bytes_of_kind(role, "checkpoint copy");
    time.stall += copy / (machine.host_link_gb_per_second * kGiga);
    time.save += file_seconds(config, machine, copy, of_role);
    time.saved_bytes += copy * of_role;
  }
  return time;
}

StepTime estimate_step_time(const Config& config, const Plan& plan) {
  switch (plan.stage) {
    case Stage::Rl:
      return rl_time(config, plan);
    case Stage::Sft:
      return supervised_time(config, plan, config.sft);
    case Stage::Distill:
      return supervised_time(config, plan, config.distill);
    case Stage::Generate:
      return generate_time(config, plan);
    case Stage::Prepare:
    case Stage::Evaluate:  // how many questions there are, only files say
      break;
  }
  return {};
}

}  // namespace r1::plan
