#include "roles/sampled_model.h"

#include <algorithm>

#include "base/random.h"

namespace r1::mpi {

SampledModel::SampledModel(const Run& run, const models::ModelOptions& options,
                           const TextModel& text)
    : run_(run) {
  run.together(
      [&] {
        if (!run.has_role(kPolicy)) return;
        model_ = load_model(options, run.dtype(), run.device(),
                            static_cast<std::uint64_t>(run.config().run.seed),
                            run.groups().model_axes(kPolicy));
        generator_ = std::make_unique<Generator>(run, *model_, kPolicy, text);
      },
      "loading the model");
}

std::vector<data::Rollout> SampledModel::answer(std::span<const data::Prompt> prompts,
                                                std::int64_t samples,
                                                const generation::SamplingOptions& sampling,
                                                std::uint64_t salt, RewardRole& reward) {
  std::vector<RolloutChunk> chunks(1);
  if (model_) {
    const auto seed_of = [&](std::int64_t sample) {
      return run_.seed({salt, static_cast<std::uint64_t>(sample)});
    };
    const auto span = run_.timeline().span("generate", -1);
    chunks[0].rollouts = generator_->sample(prompts, samples, sampling, seed_of,
                                            groups_of(run_.groups().data(kPolicy)));
  }
  reward.begin_step();
  reward.score(prompts, chunks[0], {sampling.max_new_tokens, {}});
  reward.collect(chunks);
  return gather(std::move(chunks[0].rollouts), prompts);
}

/// Leaders send their samples to the rank that writes. One chunk of prompts at a time bounds the
/// message.
std::vector<data::Rollout> SampledModel::gather(std::vector<data::Rollout> mine,
                                                std::span<const data::Prompt> prompts) {
  const auto& layout = run_.groups().layout();
  if (!layout.leads(run_.world().rank(), kPolicy)) return {};
  const auto replicas = layout.role(kPolicy).replicas();
  if (!run_.writes()) {
    send_rollouts(run_.exchange(), replicas.front().front(), kGatheredSamples, mine, prompts);
    run_.exchange().flush();
    return {};
  }
  for (std::size_t r = 1; r < replicas.size(); ++r)
    for (auto& rollout : receive_rollouts(run_.exchange(), replicas[r].front(), kGatheredSamples,
                                          prompts, "completions"))
      mine.push_back(std::move(rollout));
  std::sort(mine.begin(), mine.end(),
            [](const auto& a, const auto& b) { return a.sample < b.sample; });
  return mine;
}

}  // namespace r1::mpi
