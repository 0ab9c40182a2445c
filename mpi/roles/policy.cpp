#include "roles/policy.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/random.h"
#include "roles/learner.h"

namespace r1::mpi {
namespace {

std::int64_t optimizer_steps(const config::RlOptions& rl) {
  const auto per_epoch =
      (rl.samples_per_step() + rl.mini_batch_samples() - 1) / rl.mini_batch_samples();
  return rl.steps * rl.update_epochs * per_epoch;
}

}  // namespace

Policy::Policy(Run& run) : run_(run), kl_controller_(run.config().kl) {
  const auto& config = run.config();
  run.together(
      [&] {
        if (!run.has_role(kPolicy)) return;
        model_ = load_trained_model(config.model, run.dtype(), run.device(),
                                    static_cast<std::uint64_t>(config.run.seed),
                                    run.groups().model_axes(kPolicy));
        sampler_ = std::make_unique<PolicySampler>(run, *model_);
        if (!config.rl.replay.empty()) replay_ = std::make_unique<RolloutReplay>(config.rl.replay);
      },
      "loading the policy");
  if (active()) {
    std::vector<ExtraParameter> extra;
    if (config.rl.algorithm == "ppo") {
      const auto options = at::TensorOptions(run.device()).dtype(run.dtype());
      value_head_ =
          ValueHead{at::zeros({1, model_->shape().hidden_size}, options), at::zeros({1}, options)};
      extra = {{"value_head.weight", value_head_->weight}, {"value_head.bias", value_head_->bias}};
    }
    trainer_ = std::make_unique<Trainer>(
        *model_, extra, config.optimizer, config.trainer, config.run, optimizer_steps(config.rl),
        DataAxes{&run.groups().data(kPolicy), &run.groups().expert_data(kPolicy)});
  }
  run.together(
      [&] {
        if (!active()) return;
        load_masters(*trainer_, config.model, static_cast<std::uint64_t>(config.run.seed));
        if (run.writes()) run.describe(*model_);
        if (config.rl.record_rollouts && leads())
          recorder_ = std::make_unique<RolloutRecorder>(run.folder(), data_parallel().rank());
      },
      "loading the master weights");
  if (active()) sampler_->synchronise(version_);
  persist();
}

Policy::~Policy() = default;

void Policy::persist() {
  run_.persist("policy", {[this] {
                            return active() ? trainer_->checkpoint_tensors()
                                            : std::vector<checkpoint::ShardedTensor>();
                          },
                          [this] {
                            if (!active()) return std::string();
                            return nlohmann::json{{"trainer", trainer_->state()},
                                                  {"version", version_},
                                                  {"kl_coefficient", kl_controller_.coefficient()}}
                                .dump();
                          },
                          [this](const std::string& state) {
                            if (!active()) return;
                            const auto json = nlohmann::json::parse(state);
                            trainer_->restore_state(json.at("trainer"));
                            trainer_->refresh_model();
                            version_ = json.at("version");
                            sampler_->synchronise(version_);
                            kl_controller_.restore(json.at("kl_coefficient"));
                          }});
}

bool Policy::leads() const {
  return run_.groups().layout().leads(run_.world().rank(), kPolicy);
}

parallel::Communicator& Policy::data_parallel() {
  return run_.groups().data(kPolicy);
}

RolloutChunk Policy::sample_chunk(std::span<const data::Prompt> prompts, std::int64_t step,
                                  std::int64_t chunk) {
  const auto& rl = run_.config().rl;
  RolloutChunk result{chunk, {}};
  if (!active()) return result;
  const auto span = run_.timeline().span("generate", step);
  const auto [first, last] =
      chunk_range(static_cast<std::int64_t>(prompts.size()), rl.chunks, chunk);
  const auto seed_of = [&](std::int64_t sample) {
    return run_.seed({static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(sample)});
  };
  const auto mine =
      prompts.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  result.rollouts =
      replay_ ? sampler_->recorded(*replay_, step, mine, rl.samples_per_prompt)
              : sampler_->sample(mine, rl.samples_per_prompt, run_.config().sampling, seed_of);
  for (auto& rollout : result.rollouts) rollout.policy_version = version_;
  if (recorder_) recorder_->add(step, result.rollouts);
  return result;
}

std::vector<data::Rollout> Policy::answer(std::span<const data::Prompt> prompts,
                                          const generation::SamplingOptions& sampling,
                                          std::int64_t samples, std::uint64_t seed) {
  if (!active()) return {};
  const auto seed_of = [&](std::int64_t sample) {
    return base::derive_seed({seed, static_cast<std::uint64_t>(sample)});
  };
  return sampler_->sample(prompts, samples, sampling, seed_of);
}

}  // namespace r1::mpi
