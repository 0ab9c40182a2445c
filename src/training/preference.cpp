#include "training/preference.h"

#include <ATen/ATen.h>

#include <numeric>

#include "algorithms/loss.h"
#include "algorithms/preference_loss.h"
#include "models/lockstep.h"
#include "training/number_lists.h"
#include "training/scoring.h"
#include "training/supervised_step.h"

namespace r1::training {
namespace {

/// Places of the chosen and the rejected answers of a pass's pairs among its samples.
struct PairPlaces {
  std::vector<std::int64_t> chosen, rejected;
};

PairPlaces places_of(const data::MicroBatch& batch) {
  std::map<std::int64_t, std::int64_t> place_of;
  for (std::size_t i = 0; i < batch.samples.size(); ++i)
    place_of[batch.samples[i].sample] = static_cast<std::int64_t>(i);
  PairPlaces places;
  for (const auto& [sample, place] : place_of) {
    if (sample % kAnswersPerPair != 0) continue;
    const auto other = place_of.find(sample + 1);
    R1_CHECK(other != place_of.end(), "sample {} is in a pass without its pair", sample);
    places.chosen.push_back(place);
    places.rejected.push_back(other->second);
  }
  return places;
}

}  // namespace

PassRewards dpo_rewards(double beta, std::vector<double> reference_logprobs,
                        std::int64_t chunk_tokens) {
  return [beta, chunk_tokens, reference = std::move(reference_logprobs)](const Pass& pass) {
    const auto lengths = pass.lengths();
    const auto logprobs =
        algorithms::sequence_sums(pass.logprobs(1.0, /*with_entropy=*/false, chunk_tokens).logprobs,
                                  algorithms::sequence_ids_of(lengths), lengths);
    std::vector<double> of_pass;
    for (const auto& range : pass.batch().samples)
      of_pass.push_back(reference[static_cast<std::size_t>(range.sample)]);
    // The difference is taken in fp64: it is small beside the sums.
    return (logprobs.to(at::kDouble) - to_tensor(of_pass).to(logprobs.device())) * beta;
  };
}

PassRewards score_rewards(const at::Tensor& score) {
  return [score](const Pass& pass) {
    const auto dtype = score.scalar_type() == at::kDouble ? at::kDouble : at::kFloat;
    return pass.whole(at::linear(pass.hidden().to(dtype), score.to(dtype)).squeeze(1));
  };
}

std::vector<double> answer_logprobs(const models::Model& model,
                                    const parallel::Communicator& replicas,
                                    std::span<const data::TrainingSample> samples,
                                    const config::TrainerOptions& options) {
  std::vector<std::int64_t> numbers;
  std::vector<data::TrainingSample> mine;
  for (const auto& list :
       replica_micro_batches(samples, replicas.rank(), replicas.size(), options, kAnswersPerPair))
    for (const auto number : list) {
      numbers.push_back(number);
      mine.push_back(samples[static_cast<std::size_t>(number)]);
    }
  std::vector<double> logprobs(samples.size(), 0.0);
  const auto scores = score_samples(model, mine, scoring_options(options, 1.0));
  for (std::size_t i = 0; i < numbers.size(); ++i)
    logprobs[static_cast<std::size_t>(numbers[i])] =
        std::accumulate(scores.logprobs[i].begin(), scores.logprobs[i].end(), 0.0);
  return logprobs;
}

PreferenceStep::PreferenceStep(PassRewards rewards,
                               const algorithms::PreferenceLossOptions& options,
                               std::size_t num_samples)
    : rewards_(std::move(rewards)),
      options_(options),
      num_pairs_(static_cast<double>(num_samples) / kAnswersPerPair),
      sums_(at::zeros({static_cast<std::int64_t>(algorithms::PreferenceSum::Count)}, at::kDouble)) {
}

at::Tensor PreferenceStep::loss(const Pass& pass) {
  const auto rewards = rewards_(pass);
  const auto places = places_of(pass.batch());
  const auto pick = [&](const std::vector<std::int64_t>& of) {
    return rewards.index_select(0, to_tensor(of, rewards.device()));
  };
  const auto result =
      algorithms::preference_loss(pick(places.chosen), pick(places.rejected), options_, num_pairs_);
  sums_ += result.sums.cpu();
  return result.loss;
}

std::map<std::string, double> PreferenceStep::metrics(parallel::Communicator& replicas) const {
  auto sums = sums_.clone();
  replicas.all_reduce(sums, parallel::ReduceOp::Sum, "preference sums").wait();
  return algorithms::preference_metrics(sums);
}

std::map<std::string, double> evaluate_pairs(const TrainedModel& trained,
                                             std::span<const data::TrainingSample> samples,
                                             const PassRewards& rewards,
                                             const algorithms::PreferenceLossOptions& options,
                                             const config::TrainerOptions& trainer) {
  const at::NoGradGuard no_grad;
  PreferenceStep step(rewards, options, samples.size());
  models::Lockstep lockstep(trained.model);
  for (const auto& indices : replica_micro_batches(
           samples, trained.replicas.rank(), trained.replicas.size(), trainer, kAnswersPerPair)) {
    lockstep.begin_pass();
    const Pass pass(trained.model, samples, indices, trainer.share_prefix);
    step.loss(pass);
  }
  lockstep.finish();
  return step.metrics(trained.replicas);
}

}  // namespace r1::training
