#include "roles/policy_sampler.h"

#include <ATen/ATen.h>

#include "base/timer.h"
#include "models/registry.h"
#include "models/split_model.h"

namespace r1::mpi {
namespace {
constexpr int kToOwnersTag = 31;
}

PolicySampler::PolicySampler(Run& run, const models::Model& trained)
    : run_(run), trained_(trained) {
  const auto& layout = run.groups().layout();
  if (layout.has(kPolicyGenerate)) {
    const int train = layout.role(kPolicy).mesh.size("tp"),
              generate = layout.role(kPolicyGenerate).mesh.size("tp");
    if (train % generate != 0 && generate % train != 0)
      throw base::ConfigError(fmt::format(
          "roles.policy.generate.tp: {} and the trainer's {}: one must divide the other", generate,
          train));
    own_model_ = models::make_model(trained.shape(), trained.dtype(), trained.device(),
                                    run.groups().model_axes(kPolicyGenerate));
  }
  generator_ = std::make_unique<Generator>(run, own_model_ ? *own_model_ : trained_);
}

PolicySampler::~PolicySampler() = default;

void PolicySampler::synchronise(std::int64_t policy_version) {
  if (!own_model_ || version_ == policy_version) return;
  const base::Stopwatch watch;
  const at::NoGradGuard no_grad;
  models::WholeTensors parts(own_model_->parameters());
  double bytes = 0.0;
  models::for_each_whole_tensor(trained_.parameters(), trained_.shape(), trained_.axes(),
                                [&](const std::string& name, const at::Tensor& whole) {
                                  parts.fill(name, whole);
                                  bytes += static_cast<double>(whole.nbytes());
                                });
  version_ = policy_version;
  sync_seconds_ = watch.seconds();
  sync_gib_ = bytes / (1 << 30);
}

/// Whether this rank's replica of the generation layout samples the group.
bool PolicySampler::samples_group(std::int64_t group) const {
  const auto& layout = run_.groups().layout();
  const auto owners = layout.role(kPolicy).num_replicas();
  const auto owner = group % owners;
  if (!own_model_) return owner == run_.groups().place(kPolicy).replica;
  const auto samplers = layout.role(kPolicyGenerate).num_replicas();
  const auto mine = run_.groups().place(kPolicyGenerate).replica;
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
  return own_model_ ? to_owners(std::move(rollouts), prompts) : rollouts;
}

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
  const auto is_in = [](const std::vector<int>& ranks, int rank) {
    return std::find(ranks.begin(), ranks.end(), rank) != ranks.end();
  };
  if (own_ranks.front() == run_.world().rank()) {
    auto sent = mine;
    for (auto& rollout : sent) rollout.prompt = {};  // known everywhere
    for (const int rank : layout.role(kPolicy).replica(owner))
      if (!is_in(own_ranks, rank)) run_.exchange().send(rank, kToOwnersTag, sent);
  }
  for (int sampler = owner * per_owner; sampler < (owner + 1) * per_owner; ++sampler) {
    const auto& ranks = samplers[static_cast<std::size_t>(sampler)];
    if (is_in(ranks, run_.world().rank())) continue;
    for (auto& rollout : run_.exchange().receive<std::vector<data::Rollout>>(
             ranks.front(), kToOwnersTag, "samples for their owner")) {
      rollout.prompt = prompts[static_cast<std::size_t>(rollout.group - prompts.front().index)];
      mine.push_back(std::move(rollout));
    }
  }
  run_.exchange().flush();
  std::sort(mine.begin(), mine.end(),
            [](const auto& a, const auto& b) { return a.sample < b.sample; });
  return mine;
}

std::vector<data::Rollout> PolicySampler::recorded(const RolloutReplay& replay, std::int64_t step,
                                                   std::span<const data::Prompt> prompts,
                                                   std::int64_t samples) {
  return generator_->recorded(replay, step, prompts, samples,
                              groups_of(run_.groups().data(kPolicy)));
}

void PolicySampler::add_metrics(metrics::Row& row) const {
  if (!own_model_) return;
  row.set("weight_sync_seconds", sync_seconds_);
  row.set("weight_sync_gib", sync_gib_);
}

}  // namespace r1::mpi
