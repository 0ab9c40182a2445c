#include "roles/reference.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "config/stage_roles.h"
#include "models/sharded_parameter.h"
#include "models/weight_shards.h"
#include "roles/policy.h"
#include "training/scoring.h"

namespace r1::mpi {

Reference::Reference(const Run& run) : run_(run) {
  if (!config::needs_reference(run.config())) return;
  const auto& config = run.config();
  service_.emplace(run.groups(), run.exchange(), "reference", kReferenceRequest, kReferenceReply);
  run.together(
      [&] {
        if (!run.has_role("reference")) return;
        model_ = load_frozen_model(
            config.reference.used() ? config.reference : config.model, run.dtype(), run.device(),
            static_cast<std::uint64_t>(config.run.seed), run.groups().model_axes("reference"),
            run.sharing_copies("reference"));
        if (config.trainer.offloads_reference())
          offloaded_ = std::make_unique<models::OffloadedWeights>(*model_);
      },
      "loading the reference");
  if (config.rl.reference_update_every == 0) return;
  const bool share_out = config.trainer.shares_out_weights();
  follow_.emplace(run.groups(), kPolicy, "reference", config.trainer.bucket_bytes(),
                  SharedOut{share_out, share_out});
}

/// Only a reference that is replaced during the run belongs into checkpoints.
void Reference::persist(RunLoop& loop) {
  if (!follow_) return;
  loop.persist("reference",
               {[this] {
                  std::vector<checkpoint::ShardedTensor> tensors;
                  if (!model_) return tensors;
                  for (const auto& range : models::held_ranges(*model_))
                    for (const auto& slice : model_->parameters()[range.parameter].slices) {
                      tensors.push_back(models::sharded_tensor(
                          range, model_->parameters()[range.parameter], slice, "reference/"));
                      tensors.back().replica = copy_of(range, slice);
                      if (tensors.back().boxes.empty()) tensors.pop_back();
                    }
                  return tensors;
                },
                [this] {
                  return nlohmann::json{{"version", version_}}.dump();
                },
                [this](const std::string& state) {
                  version_ = nlohmann::json::parse(state).at("version");
                }});
}

/// Number of this rank's copy of a slice among all ranks of the role.
std::int64_t Reference::copy_of(const models::FlatRange& range,
                                const models::WeightSlice& slice) const {
  const auto& parameter = model_->parameters()[range.parameter];
  if (const auto* const shards = model_->weight_shards();
      shards != nullptr && shards->shares_out(range.parameter))
    return slice.copy;
  auto& groups = run_.groups();
  const auto& replicas =
      parameter.expert ? groups.expert_copies("reference") : groups.copies("reference");
  return slice.copy +
         replicas.rank() * groups.model_axes("reference").size(parallel::ModelAxis::Tensor);
}

std::vector<std::vector<double>> Reference::logprobs(std::span<const data::Rollout> rollouts,
                                                     models::Lockstep& phase) {
  const auto span = run_.timeline().span("reference log-probs", -1);
  if (run_.is_cut_short("reference")) {  // nobody reads them
    std::vector<std::vector<double>> none;
    for (const auto& rollout : rollouts) none.emplace_back(rollout.completion.token_ids.size());
    return none;
  }
  std::vector<data::TrainingSample> samples;
  for (const auto& rollout : rollouts) samples.push_back(data::training_sample(rollout));
  const auto& config = run_.config();
  return training::score_samples(
             *model_, samples,
             training::scoring_options(config.trainer,
                                       config.rl.loss_temperature(config.sampling.temperature)),
             nullptr, &phase)
      .logprobs;
}

void Reference::score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk) {
  if (!service_) return;
  std::optional<models::OffloadedWeights::Use> use;
  if (offloaded_) use.emplace(*offloaded_);
  std::optional<models::Lockstep> phase;
  if (model_) phase.emplace(*model_);
  service_->score(prompts, chunk, [&](std::span<const data::Rollout> rollouts) {
    return logprobs(rollouts, *phase);
  });
  if (phase) phase->finish();
}

void Reference::collect(std::vector<RolloutChunk>& chunks) {
  if (!service_) return;
  service_->collect(chunks, [this](data::Rollout& rollout, std::vector<double> logprobs) {
    rollout.reference_logprobs = std::move(logprobs);
  });
}

void Reference::update_if_due(std::int64_t step, Policy& policy) {
  if (!follow_ || step == 0 || step % run_.config().rl.reference_update_every != 0) return;
  const int source = run_.groups().layout().role(kPolicy).ranks.front();
  auto version = at::full({1}, policy.version(), at::kLong);
  run_.world().broadcast(version, source, "policy version").wait();
  version_ = version.item<std::int64_t>();
  follow_->copy(policy.active() ? &policy.model() : nullptr, model_.get());
}

}  // namespace r1::mpi
