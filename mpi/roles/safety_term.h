#pragma once
// The safety term of SFT 2: the policy ranks sample answers to a step's prompts, the toxicity
// classifier on the reward ranks scores the answers, and the policy ranks compute the
// score-function gradient.
//
// The term is the mean of -log(safety) over the step's answers. Its gradient is estimated by (cost
// - mean cost) x grad log p(answer) (algorithms/score_function_loss.h). Answers are sampled at
// temperature 1 from the full distribution, because the estimate is unbiased only for such answers.
#include <functional>
#include <memory>

#include "roles/generator.h"
#include "roles/learner.h"
#include "roles/reward.h"

namespace r1::mpi {

class SafetyTerm {
 public:
  static bool used(const config::Config& config) { return config.sft.safety.weight > 0.0; }

  /// Loads the classifier on reward ranks. This and all other calls do nothing if the term is not
  /// used. Collective over: world.
  explicit SafetyTerm(const Run& run);

  /// Samples and scores the answers of the step. `prompts`: equal on every rank. Collective over:
  /// world.
  void sample(Learner& learner, std::span<const data::Prompt> prompts, std::int64_t step);
  /// The answers of this replica in the step, with their rewards.
  std::span<const data::Rollout> answers() const { return answers_; }
  /// The function that Learner::step calls to add the term's gradient and value; empty if the term
  /// is not used. Collective over: policy.
  std::function<double()> gradient(Learner& learner);
  /// Adds safety_mean, safety_term, safety_non_latin, safety_answer_length, and the loss without
  /// the term. Collective over: policy.
  void add_metrics(Learner& learner, training::SupervisedStep& step) const;

 private:
  double accumulate(Learner& learner, const at::Tensor& costs);
  double num_answers() const;  // of the step, over all ranks

  const Run& run_;
  std::unique_ptr<RewardRole> judge_;
  std::unique_ptr<Generator> generator_;
  std::size_t num_prompts_ = 0;
  std::vector<data::Rollout> answers_;  // answers of this replica
};

}  // namespace r1::mpi
