#include "roles/policy_sampler.h"

#include <ATen/ATen.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "base/timer.h"
#include "models/registry.h"
#include "models/sharded_parameter.h"
#include "roles/rollout_record.h"

namespace r1::mpi {
namespace {

bool is_in(const std::vector<int>& ranks, int rank) {
  return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
}

void require_nested(const RoleLayout& layout) {
  const int train = layout.role(kPolicy).mesh.size("tp"),
            generate = layout.role(kPolicyGenerate).mesh.size("tp");
  if (train % generate != 0 && generate % train != 0)
    throw base::ConfigError(
        fmt::format("roles.policy.generate.tp: {} and the trainer's {}: one must divide the other",
                    generate, train));
}

void sort_by_sample(std::vector<data::Rollout>& rollouts) {
  std::sort(rollouts.begin(), rollouts.end(),
            [](const auto& a, const auto& b) { return a.sample < b.sample; });
}

}  // namespace

std::int64_t num_group_classes(const RoleLayout& layout) {
  const auto owners = layout.role(kPolicy).num_replicas();
  if (!layout.has(kPolicyGenerate)) return owners;
  const auto samplers = layout.role(kPolicyGenerate).num_replicas();
  return layout.generates_apart() ? samplers : std::max(owners, samplers);
}

PolicySampler::PolicySampler(const Run& run, const models::Model* trained)
    : run_(run), trained_(trained), apart_(run.groups().layout().generates_apart()) {
  auto& groups = run.groups();
  const bool own_layout = groups.layout().has(kPolicyGenerate);
  if (own_layout && !apart_) require_nested(groups.layout());
  if (own_layout)
    transfer_.emplace(groups, kPolicy, kPolicyGenerate, run.config().trainer.bucket_bytes(),
                      SharedOut{run.config().trainer.shares_out_weights(), false});
  const char* role = own_layout ? kPolicyGenerate : kPolicy;
  if (!groups.is_in(role)) return;
  const auto& model = run.config().model;
  // Of a model with adapters the trainer's adapters alone travel, and each rank loads the base.
  if (own_layout && model.lora.used())
    own_model_ = load_trained_model(model, run.dtype(), run.device(),
                                    static_cast<std::uint64_t>(run.config().run.seed),
                                    groups.model_axes(role), /*shares_out=*/false);
  else if (own_layout)
    own_model_ = models::make_model(trained ? trained->shape() : model_shape(model), run.dtype(),
                                    run.device(), groups.model_axes(role));
  generator_ =
      std::make_unique<Generator>(run, own_model_ ? *own_model_ : *trained, role, run.text());
}

PolicySampler::~PolicySampler() = default;

void PolicySampler::synchronise(std::int64_t policy_version) {
  version_ = kept_version_.value_or(version_);
  kept_version_.reset();
  kept_.clear();
  take_over(policy_version);
}

void PolicySampler::synchronise_aside(std::int64_t policy_version, bool keep) {
  if (!kept_version_) {
    kept_version_ = version_;
    for (std::size_t i = 0; keep && own_model_ && i < own_model_->trained_parameters().size(); ++i)
      kept_.push_back(own_model_->trained_parameters()[i].value.detach().cpu().clone());
  }
  take_over(policy_version);
}

/// What the generator finds of earlier prompts is a function of the calls since here alone: a run
/// that is continued at a step's beginning then computes what an undisturbed one computes.
void PolicySampler::take_over(std::int64_t policy_version) {
  if (generator_) generator_->set_weight_version(num_takeovers_++);
  const auto version = transfer_ ? transfer_->tell(policy_version) : policy_version;
  const auto before = std::exchange(version_, version);
  if (!transfer_ || before == version) return;
  const base::Stopwatch watch;
  transfer_->copy(trained_, own_model_.get());
  sync_seconds_ = watch.seconds();
  sync_gib_ = transfer_->most_bytes_in() / (1 << 30);
}

bool PolicySampler::samples_group(std::int64_t group) const {
  const auto& layout = run_.groups().layout();
  const auto owners = layout.role(kPolicy).num_replicas();
  const auto owner = group % owners;
  if (!own_model_) return owner == run_.groups().place(kPolicy).replica;
  const auto samplers = layout.role(kPolicyGenerate).num_replicas();
  const auto mine = run_.groups().place(kPolicyGenerate).replica;
  if (apart_) return group % samplers == mine;
  if (samplers <= owners) return owner / (owners / samplers) == mine;
  const auto per_owner = samplers / owners;
  return owner * per_owner + (group / owners) % per_owner == mine;
}

std::vector<data::Rollout> PolicySampler::sample(
    std::span<const data::Prompt> prompts, std::int64_t samples,
    const generation::SamplingOptions& sampling,
    const std::function<std::uint64_t(std::int64_t)>& seed_of) {
  const auto mine = [this](std::int64_t group) { return samples_group(group); };
  auto rollouts = generator_->sample(prompts, samples, sampling, seed_of, mine);
  return own_model_ && !apart_ ? to_owners(std::move(rollouts), prompts) : rollouts;
}

std::vector<data::Rollout> PolicySampler::resume(
    OpenGroups& groups, std::int64_t step, const generation::SamplingOptions& sampling,
    const std::function<std::uint64_t(const OpenGroup& group, std::int64_t i)>& seed_of) {
  return finished(groups.take(generator_->resume(groups, step, sampling, version_, seed_of), step));
}

std::vector<data::Rollout> PolicySampler::finished(std::vector<data::Rollout> rollouts) {
  for (auto& rollout : rollouts) {
    const auto& versions = rollout.completion.versions;  // none: cut short
    rollout.policy_version = versions.empty() ? version_ : versions.front().second;
    rollout.completion.text = generator_->text_of(rollout.completion);
  }
  return own_model_ && !apart_ ? to_owners(std::move(rollouts), {}) : rollouts;
}

std::vector<data::Rollout> PolicySampler::recorded(const RolloutReplay& replay, OpenGroups& groups,
                                                   std::int64_t step) {
  const auto window = groups.window();
  std::vector<std::int64_t> chosen(static_cast<std::size_t>(window.batch_size), -1);
  for (std::int64_t j = 0; j < window.batch_size; ++j) {
    const auto origin = replay.origin(step, j * window.samples);
    const auto group =
        std::find_if(groups.mine().begin(), groups.mine().end(), [&](const auto& open) {
          return open.batch * window.batch_size + open.prompt.index == origin;
        });
    if (group == groups.mine().end())
      throw base::InputError(fmt::format(
          "rl.replay: group {} of step {} is group {} of the run, which is not open: expected the "
          "record of a run with at most this rl.staleness",
          j, step, origin));
    auto prompt = group->prompt;
    prompt.index = j;
    group->samples = replay.completions(step, prompt, window.samples);
    chosen[static_cast<std::size_t>(j)] = groups.index(*group, step);
  }
  auto rollouts = groups.take(chosen, step);
  std::erase_if(rollouts, [&](const auto& rollout) { return !samples_group(rollout.group); });
  return finished(std::move(rollouts));
}

std::vector<data::Rollout> PolicySampler::recorded(const RolloutReplay& replay, std::int64_t step,
                                                   std::span<const data::Prompt> prompts,
                                                   std::int64_t samples) {
  return generator_->recorded(replay, step, prompts, samples,
                              groups_of(run_.groups().data(sampling_role(run_.groups().layout()))));
}

/// Adds what rank `from` sent.
void PolicySampler::receive(std::vector<data::Rollout>& mine, int from,
                            std::span<const data::Prompt> prompts) {
  for (auto& rollout :
       receive_rollouts(run_.exchange(), from, kOwnersSamples, prompts, "samples for their owner"))
    mine.push_back(std::move(rollout));
}

/// On the same ranks, right after sampling.
std::vector<data::Rollout> PolicySampler::to_owners(std::vector<data::Rollout> mine,
                                                    std::span<const data::Prompt> prompts) {
  const auto& layout = run_.groups().layout();
  const auto owners = layout.role(kPolicy).num_replicas();
  const auto owner = run_.groups().place(kPolicy).replica;
  const auto samplers = layout.role(kPolicyGenerate).replicas();
  const auto me = run_.groups().place(kPolicyGenerate).replica;
  const auto per_owner = static_cast<int>(samplers.size()) / owners;
  if (per_owner <= 1) {  // a sampler's ranks are owners, each of its own groups
    std::erase_if(mine, [&](const auto& rollout) { return rollout.group % owners != owner; });
    return mine;
  }
  const auto& own_ranks = samplers[static_cast<std::size_t>(me)];
  if (own_ranks.front() == run_.world().rank())
    for (const int rank : layout.role(kPolicy).replica(owner))
      if (!is_in(own_ranks, rank))
        send_rollouts(run_.exchange(), rank, kOwnersSamples, mine, prompts);
  for (int sampler = owner * per_owner; sampler < (owner + 1) * per_owner; ++sampler) {
    const auto& ranks = samplers[static_cast<std::size_t>(sampler)];
    if (!is_in(ranks, run_.world().rank())) receive(mine, ranks.front(), prompts);
  }
  run_.exchange().flush();
  sort_by_sample(mine);
  return mine;
}

/// Replica g of generation and owner o have groups in common where g and o are equal modulo the
/// greatest common divisor of their numbers; all other pairs exchange nothing.
std::vector<data::Rollout> PolicySampler::deliver(std::vector<data::Rollout> mine,
                                                  std::span<const data::Prompt> prompts) {
  if (!apart_ || (!trained_ && !own_model_)) return mine;
  const auto& layout = run_.groups().layout();
  const auto owners = layout.role(kPolicy).replicas();
  const auto samplers = layout.role(kPolicyGenerate).replicas();
  const auto common = std::gcd(owners.size(), samplers.size());
  if (trained_) {
    const auto owner = static_cast<std::size_t>(run_.groups().place(kPolicy).replica);
    for (auto g = owner % common; g < samplers.size(); g += common)
      receive(mine, samplers[g].front(), prompts);
    sort_by_sample(mine);
    return mine;
  }
  const auto me = static_cast<std::size_t>(run_.groups().place(kPolicyGenerate).replica);
  if (samplers[me].front() != run_.world().rank()) return {};
  for (auto owner = me % common; owner < owners.size(); owner += common) {
    std::vector<data::Rollout> sent;
    for (const auto& rollout : mine)
      if (static_cast<std::size_t>(rollout.group) % owners.size() == owner) sent.push_back(rollout);
    for (const int rank : owners[owner])
      send_rollouts(run_.exchange(), rank, kOwnersSamples, sent, prompts);
  }
  run_.exchange().flush();
  return {};
}

void PolicySampler::add_metrics(metrics::StepMetrics& metrics) const {
  if (!run_.groups().layout().has(kPolicyGenerate)) return;
  metrics.set("weight_sync_seconds", sync_seconds_);
  metrics.set("weight_sync_gib", sync_gib_);
  metrics.set("weight_sync_version", static_cast<double>(version_));
}

std::vector<checkpoint::ShardedTensor> PolicySampler::weights_to_save() {
  std::vector<checkpoint::ShardedTensor> tensors;
  if (!own_model_) return tensors;
  auto& groups = run_.groups();
  auto parameters = own_model_->trained_parameters();
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    auto& parameter = parameters[i];
    if (!kept_.empty()) parameter.value = kept_[i];
    const auto& replicas =
        parameter.expert ? groups.expert_copies(kPolicyGenerate) : groups.copies(kPolicyGenerate);
    for (const auto& slice : parameter.slices) {
      tensors.push_back(models::sharded_tensor(parameter, slice, "generation/"));
      tensors.back().replica =
          slice.copy +
          replicas.rank() * groups.model_axes(kPolicyGenerate).size(parallel::ModelAxis::Tensor);
    }
  }
  return tensors;
}

}  // namespace r1::mpi
