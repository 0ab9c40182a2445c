#pragma once
// The policy role in generate and evaluate: a model that only samples, whose answers are gathered
// on the writing rank.
#include "roles/generator.h"
#include "roles/reward.h"

namespace r1::mpi {

class SampledModel {
 public:
  /// Loads the weights of `options` on policy ranks. `text`: the tokenizer of the model. Collective
  /// over: world.
  SampledModel(const Run& run, const models::ModelOptions& options, const TextModel& text);

  /// The weights never change: later calls find in the cache what earlier prompts left there, such
  /// as a problem that several suites ask. Only for callers that do not compare the answers of an
  /// interrupted run with those of an undisturbed run bit by bit.
  void keep_prefixes() {
    if (generator_) generator_->set_weight_version(0);
  }

  /// Samples `samples` completions of each prompt over all replicas; `reward` scores the
  /// completions on the reward ranks. The writing rank gets the rollouts in the order of sample
  /// numbers, and other ranks get an empty list. Seeds depend on (stage, `salt`, sample).
  /// Collective over: world.
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
