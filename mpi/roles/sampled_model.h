#pragma once
// The policy role in generate and evaluate: a model that only samples, and answers gathered on the
// writing rank.
#include "roles/generator.h"
#include "roles/reward.h"

namespace r1::mpi {

class SampledModel {
 public:
  /// Loads the weights of `options` on policy ranks. `text`: its tokenizer. Collective over: world.
  SampledModel(const Run& run, const models::ModelOptions& options, const TextModel& text);

  /// The weights never change: what the cache holds of earlier prompts is found by later calls, such
  /// as a problem that several suites ask. Only where nobody compares an interrupted run's answers
  /// with an undisturbed one's to the last bit.
  void keep_prefixes() {
    if (generator_) generator_->set_weight_version(0);
  }

  /// `samples` completions of each prompt over all replicas, scored by `reward` on the reward
  /// ranks, in the order of sample numbers on the writing rank (empty elsewhere). Seeds are of
  /// (stage, `salt`, sample). Collective over: world.
  std::vector<data::Rollout> answer(std::span<const data::Prompt> prompts, std::int64_t samples,
                                    const generation::SamplingOptions& sampling, std::uint64_t salt,
                                    RewardRole& reward);

 private:
  std::vector<data::Rollout> gather(std::vector<data::Rollout> mine,
                                    std::span<const data::Prompt> prompts);

  const Run& run_;
  std::unique_ptr<models::Model> model_;
  std::unique_ptr<Generator> generator_;
};

}  // namespace r1::mpi
