#pragma once
// The safety term of SFT 2: the model's own answers to a step's prompts, sampled on the policy
// ranks, scored by the toxicity classifier on the reward ranks, and their score-function gradient.
//
// term = mean of -log(safety) over the step's answers, whose gradient is estimated by
// (cost - mean cost) x grad log p(answer) (algorithms/score_function_loss.h). Answers are sampled
// at temperature 1 from the whole distribution: the estimate is exact for these alone.
#include <functional>
#include <memory>

#include "roles/generator.h"
#include "roles/learner.h"
#include "roles/reward.h"

namespace r1::mpi {

class SafetyTerm {
 public:
  static bool used(const config::Config& config) { return config.sft.safety.weight > 0.0; }

  /// Loads the classifier on reward ranks; does nothing when the term is not used, as all calls
  /// below. Collective over: world.
  explicit SafetyTerm(const Run& run);

  /// Samples and scores the step's answers. `prompts`: the same on every rank. Collective over:
  /// world.
  void sample(Learner& learner, std::span<const data::Prompt> prompts, std::int64_t step);
  /// This replica's answers of the step, with their rewards.
  std::span<const data::Rollout> answers() const { return answers_; }
  /// What Learner::step adds to the step's loss; empty when the term is not used. Collective over:
  /// policy.
  std::function<double()> gradient(Learner& learner);
  /// safety_mean, safety_term, safety_non_latin, safety_answer_length, and the loss without the
  /// term. Collective over: policy.
  void add_metrics(Learner& learner, training::SupervisedStep& step) const;

 private:
  double accumulate(Learner& learner, const at::Tensor& costs);
  double num_answers() const;  // of the step, over all ranks

  const Run& run_;
  std::unique_ptr<RewardRole> judge_;
  std::unique_ptr<Generator> generator_;
  std::size_t num_prompts_ = 0;
  std::vector<data::Rollout> answers_;  // this replica's
};

}  // namespace r1::mpi
