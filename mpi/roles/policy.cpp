#include "roles/policy.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "base/log.h"
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

Policy::Policy(const Run& run) : run_(run), kl_controller_(run.config().kl) {
  const auto& config = run.config();
  run.together(
      [&] {
        if (run.has_role(kPolicy))
          model_ = load_trained_model(
              config.model, run.dtype(), run.device(), static_cast<std::uint64_t>(config.run.seed),
              run.groups().model_axes(kPolicy), run.sharing_copies(kPolicy).has_value());
        else if (!run.has_role(kPolicyGenerate))
          return;
        sampler_ = std::make_unique<PolicySampler>(run, model_.get());
        if (!config.rl.replay.empty()) replay_ = std::make_unique<RolloutReplay>(config.rl.replay);
      },
      "loading the policy");
  if (active()) {
    std::vector<training::ExtraParameter> extra;
    if (config.advantage.needs_values()) {
      const auto options = at::TensorOptions(run.device()).dtype(run.dtype());
      value_head_ = training::ValueHead{at::zeros({1, model_->shape().hidden_size}, options),
                                        at::zeros({1}, options)};
      extra = {{"value_head.weight", value_head_->weight}, {"value_head.bias", value_head_->bias}};
    }
    trainer_ = std::make_unique<training::Trainer>(*model_, extra, config.optimizer, config.trainer,
                                                   config.run, optimizer_steps(config.rl),
                                                   run.groups().weight_copies(kPolicy));
  }
  run.together(
      [&] {
        const auto& layout = run.groups().layout();
        if (config.rl.record_rollouts && layout.leads(run.world().rank(), sampling_role(layout)))
          recorder_ = std::make_unique<RolloutRecorder>(
              run.folder(), run.groups().data(sampling_role(layout)).rank());
        if (!active()) return;
        load_masters(*trainer_, config.model, static_cast<std::uint64_t>(config.run.seed));
      },
      "loading the master weights");
}

Policy::~Policy() = default;

void Policy::persist(RunLoop& loop) {
  run_.together(
      [&] {
        if (active() && run_.writes()) loop.describe(*model_);
      },
      "description of the model");
  loop.persist("policy", {[this] {
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
                            kl_controller_.restore(json.at("kl_coefficient"));
                          }});
  if (run_.config().rl.staleness > 0) persist_sampler(loop);
}

/// The step after a checkpoint trains on samples of older weights than the checkpoint's: with those
/// weights a continued run draws them again.
void Policy::persist_sampler(RunLoop& loop) {
  loop.persist("sampler", {[this] {
                             return sampler_ ? sampler_->weights_to_save()
                                             : std::vector<checkpoint::ShardedTensor>();
                           },
                           [this] {
                             if (!sampler_) return std::string();
                             return nlohmann::json{{"version", sampler_->version_to_save()}}.dump();
                           },
                           [this](const std::string& state) {
                             if (!sampler_) return;
                             sampler_->restore_version(nlohmann::json::parse(state).at("version"));
                           }});
}

parallel::Communicator& Policy::data_parallel() {
  return run_.groups().data(kPolicy);
}

void Policy::synchronise(std::int64_t step) {
  if (!sampler_) return;
  const auto span = run_.timeline().span("weight synchronisation", step);
  sampler_->synchronise(version_);
  sampler_->forget_decode_steps();
}

RolloutChunk Policy::sample_chunk(std::span<const data::Prompt> prompts, std::int64_t step,
                                  const config::StepSettings& settings, std::int64_t chunk) {
  const auto& rl = run_.config().rl;
  RolloutChunk result{chunk, {}};
  if (!samples()) return result;
  const auto span = run_.timeline().span("generate", step);
  const auto [first, last] =
      chunk_range(static_cast<std::int64_t>(prompts.size()), rl.chunks, chunk);
  const auto seed_of = [&](std::int64_t sample) {
    return run_.seed({static_cast<std::uint64_t>(step), static_cast<std::uint64_t>(sample)});
  };
  const auto mine =
      prompts.subspan(static_cast<std::size_t>(first), static_cast<std::size_t>(last - first));
  if (replay_) {
    result.rollouts = sampler_->recorded(*replay_, step, mine, rl.samples_per_prompt);
  } else {
    auto sampling = run_.config().sampling;
    sampling.max_new_tokens = settings.max_new_tokens;
    result.rollouts = sampler_->sample(mine, rl.samples_per_prompt, sampling, seed_of);
    sampler_->count_decode_steps();
  }
  for (auto& rollout : result.rollouts) rollout.policy_version = sampler_->version();
  if (recorder_) recorder_->add(step, result.rollouts);
  return result;
}

std::vector<data::Rollout> Policy::answer(std::span<const data::Prompt> prompts,
                                          const generation::SamplingOptions& sampling,
                                          std::int64_t samples, std::uint64_t seed) {
  if (!sampler_) return {};
  sampler_->synchronise_aside(version_, /*keep=*/run_.config().rl.staleness > 0);
  if (!sampler_->active()) return {};
  const auto seed_of = [&](std::int64_t sample) {
    return base::derive_seed({seed, static_cast<std::uint64_t>(sample)});
  };
  return sampler_->sample(prompts, samples, sampling, seed_of);
}

std::vector<data::Rollout> Policy::deliver(std::vector<data::Rollout> rollouts,
                                           std::span<const data::Prompt> prompts) {
  return sampler_ ? sampler_->deliver(std::move(rollouts), prompts) : std::move(rollouts);
}

metrics::StepMetrics Policy::update(std::span<const data::Rollout> rollouts,
                                    std::span<const data::TrainingSample> coldstart,
                                    std::int64_t step) {
  if (!active()) return {};
  auto result = training::update_policy(
      {{*model_, *trainer_, data_parallel()},
       value_head_ ? &*value_head_ : nullptr,
       kl_controller_},
      rollouts, coldstart, training::PolicyUpdateOptions(run_.config()),
      {step, version_,
       run_.seed({base::hash_name("mini-batches"), static_cast<std::uint64_t>(step)}),
       run_.timeline(), [this] { run_.progress(); },
       [this] { return run_.is_cut_short(kPolicy); }});
  version_ += result.num_optimizer_steps;
  return std::move(result.metrics);
}

void Policy::add_sampling_metrics(metrics::StepMetrics& metrics) {
  const auto& layout = run_.groups().layout();
  const auto role = layout.has(kPolicyGenerate) ? kPolicyGenerate : kPolicy;
  const bool leads = layout.leads(run_.world().rank(), role);
  // All that a replica counts, its leader says.
  const auto mine = samples() && leads ? sampler_->decode_steps() : DecodeSteps();
  const auto& engine = mine.engine;
  const auto reduced = [this](std::initializer_list<double> values, parallel::ReduceOp operation) {
    auto numbers = at::tensor(values, at::kDouble);
    run_.world().all_reduce(numbers, operation, "counts of the sampling replicas").wait();
    return std::vector<double>(numbers.const_data_ptr<double>(),
                               numbers.const_data_ptr<double>() + numbers.numel());
  };
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  const double held = number(engine.most_blocks) / std::max(1.0, number(engine.cache.num_blocks));
  const auto most = reduced({mine.elapsed, mine.moved, held, number(engine.cache.num_blocks),
                             number(engine.cache.full_length)},
                            parallel::ReduceOp::Max);
  const auto all = reduced(
      {mine.busy, number(engine.running_steps), number(engine.waiting_steps),
       number(engine.preempted), number(engine.prefix_tokens), number(engine.admitted_tokens)},
      parallel::ReduceOp::Sum);
  if (const double elapsed = most[0], busy = all[0]; elapsed > 0.0) {
    metrics.set("decode_steps", elapsed);
    metrics.set("generation_idle_share", 1.0 - busy / (elapsed * layout.role(role).num_replicas()));
    metrics.set("samples_moved", most[1]);
    metrics.set("sequences_running", all[1] / std::max(1.0, busy));
    metrics.set("sequences_waiting", all[2] / std::max(1.0, busy));
    metrics.set("sequences_preempted", all[3]);
    metrics.set("kv_cache_share", most[2]);
    metrics.set("prefix_hit_share", all[4] / std::max(1.0, all[5]));
  }
  if (sampler_) sampler_->add_metrics(metrics);
  tell_cache({static_cast<std::int64_t>(most[3]), run_.config().engine.block_size,
              static_cast<std::int64_t>(most[4])});
}

/// On the rank that writes, unless its own engine has told it.
void Policy::tell_cache(const generation::CacheSize& cache) {
  if (cache.num_blocks == 0 || samples() || std::exchange(has_told_cache_, true)) return;
  base::log_info("{}", cache.text());
}

}  // namespace r1::mpi
