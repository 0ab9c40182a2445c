#include "roles/reference.h"

#include <ATen/ATen.h>

#include <nlohmann/json.hpp>

#include "roles/policy.h"

namespace r1::mpi {

bool Reference::needed(const config::Config& config) {
  return config.kl.coefficient > 0.0 && (config.kl.in_loss() || config.kl.in_reward());
}

Reference::Reference(Run& run) : run_(run) {
  if (!needed(run.config())) return;
  const auto& config = run.config();
  service_.emplace(run.groups(), run.exchange(), "reference", kReferenceRequest, kReferenceReply);
  run.together(
      [&] {
        if (!run.has_role("reference")) return;
        model_ = load_model(config.reference.used() ? config.reference : config.model, run.dtype(),
                            run.device(), static_cast<std::uint64_t>(config.run.seed));
      },
      "loading the reference");
  if (config.rl.reference_update_every > 0) persist();
}

/// Only a reference that is replaced during the run belongs into checkpoints.
void Reference::persist() {
  run_.persist("reference", {[this] {
                               std::vector<checkpoint::ShardedTensor> tensors;
                               if (!model_) return tensors;
                               for (const auto& parameter : model_->parameters())
                                 for (const auto& slice : parameter.slices) {
                                   tensors.push_back(checkpoint::whole_tensor(
                                       "reference/" + slice.name,
                                       parameter.value.narrow(0, slice.row_begin, slice.rows)));
                                   tensors.back().replica = run_.groups().place("reference").rank;
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

std::vector<std::vector<double>> Reference::logprobs(std::span<const data::Rollout> rollouts) {
  const auto span = run_.timeline().span("reference log-probs", -1);
  std::vector<data::TrainingSample> samples;
  for (const auto& rollout : rollouts) samples.push_back(data::training_sample(rollout));
  const auto& trainer = run_.config().trainer;
  return score_samples(
      *model_, samples, run_.config().sampling.temperature,
      {trainer.score_batch_tokens, trainer.logprob_chunk_tokens, trainer.share_prefix});
}

void Reference::score(std::span<const data::Prompt> prompts, const RolloutChunk& chunk) {
  if (service_)
    service_->score(prompts, chunk,
                    [this](std::span<const data::Rollout> rollouts) { return logprobs(rollouts); });
}

void Reference::collect(std::vector<RolloutChunk>& chunks) {
  if (!service_) return;
  service_->collect(chunks, [this](data::Rollout& rollout, std::vector<double> logprobs) {
    rollout.reference_logprobs = std::move(logprobs);
    rollout.reference_version = version_;
  });
}

void Reference::update_if_due(std::int64_t step, Policy& policy) {
  const auto every = run_.config().rl.reference_update_every;
  if (!service_ || every == 0 || (step + 1) % every != 0) return;
  const at::NoGradGuard no_grad;
  const auto& layout = run_.groups().layout();
  const int source = layout.role(kPolicy).ranks.front(), me = run_.world().rank();
  auto version = at::full({1}, policy.version(), at::kLong);
  run_.world().broadcast(version, source, "policy version").wait();
  version_ = version.item<std::int64_t>();
  if (!model_ && me != source) return;
  const auto num_parameters = (model_ ? *model_ : policy.model()).parameters().size();
  for (std::size_t i = 0; i < num_parameters; ++i) {
    for (const int target : layout.role("reference").ranks) {
      const auto from = me == source ? policy.model().parameters()[i].value.detach() : at::Tensor();
      if (me == source && me == target)
        model_->parameters()[i].value.copy_(from);
      else if (me == source)
        run_.world().send(from, target, "policy to reference").wait();
      else if (me == target)
        run_.world()
            .receive(model_->parameters()[i].value.detach(), source, "policy to reference")
            .wait();
    }
  }
}

}  // namespace r1::mpi
