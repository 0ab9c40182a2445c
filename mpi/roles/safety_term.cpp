#include "roles/safety_term.h"

#include <ATen/ATen.h>

#include <cmath>

#include "algorithms/score_function_loss.h"
#include "base/random.h"
#include "rewards/options.h"
#include "training/score_function_gradient.h"

namespace r1::mpi {
namespace {

/// The answers' reward is the classifier's safety alone.
rewards::RewardOptions safety_alone(rewards::RewardOptions options) {
  options.parts = {{rewards::kSafetyPart, 1.0, ""}};
  options.groups.clear();
  return options;
}

double cost_of(const data::Rollout& answer) {
  return -std::log(std::max(answer.reward.total, algorithms::kLeastSafety));
}

}  // namespace

SafetyTerm::SafetyTerm(const Run& run) : run_(run) {
  if (used(run.config()))
    judge_ = std::make_unique<RewardRole>(run, safety_alone(run.config().rewards));
}

double SafetyTerm::num_answers() const {
  return static_cast<double>(num_prompts_) *
         static_cast<double>(run_.config().sft.safety.samples_per_prompt);
}

void SafetyTerm::sample(Learner& learner, std::span<const data::Prompt> prompts,
                        std::int64_t step) {
  if (!judge_) return;
  const auto& options = run_.config().sft.safety;
  num_prompts_ = prompts.size();
  std::vector<RolloutChunk> chunks(1);
  if (learner.active()) {
    const auto span = run_.timeline().span("generate", step);
    if (!generator_)
      generator_ = std::make_unique<Generator>(run_, learner.model(), kPolicy, run_.text());
    generation::SamplingOptions sampling;
    sampling.temperature = 1.0;
    sampling.top_p = 1.0;
    sampling.top_k = 0;
    sampling.max_new_tokens = options.max_new_tokens;
    const auto seed_of = [&](std::int64_t sample) {
      return run_.seed({base::hash_name("safety"), static_cast<std::uint64_t>(step),
                        static_cast<std::uint64_t>(sample)});
    };
    chunks[0].rollouts = generator_->sample(prompts, options.samples_per_prompt, sampling, seed_of,
                                            groups_of(learner.data_parallel()));
  }
  judge_->begin_step();
  judge_->score(prompts, chunks[0], {options.max_new_tokens, {}});
  judge_->collect(chunks);
  answers_ = std::move(chunks[0].rollouts);
  if (run_.config().rewards.shuffle)
    shuffle_rewards(answers_, run_.seed({base::hash_name("shuffled rewards"),
                                         static_cast<std::uint64_t>(step)}));
}

std::function<double()> SafetyTerm::gradient(Learner& learner) {
  if (!judge_ || !learner.active()) return {};
  auto safety = at::empty({static_cast<std::int64_t>(answers_.size())}, at::kDouble);
  for (std::size_t i = 0; i < answers_.size(); ++i)
    safety.mutable_data_ptr<double>()[i] = answers_[i].reward.total;
  // Here, as no collective of the data axis may stand between the passes of a step.
  const auto costs = algorithms::centred_costs(safety, [&](at::Tensor& sums) {
    learner.data_parallel().all_reduce(sums, parallel::ReduceOp::Sum, "mean cost").wait();
  });
  return [this, &learner, costs] { return accumulate(learner, costs); };
}

/// Adds this rank's part of the term's gradient; returns its part of weight x term.
double SafetyTerm::accumulate(Learner& learner, const at::Tensor& costs) {
  const double weight = run_.config().sft.safety.weight;
  training::CostedAnswers answers{{}, costs, num_answers()};
  double cost = 0.0;
  for (const auto& answer : answers_) {
    answers.samples.push_back(data::training_sample(answer));
    cost += cost_of(answer);
  }
  training::add_score_function_gradient(learner.trained(), answers, weight, run_.config().trainer,
                                        [this] { run_.progress(); });
  return weight * cost * algorithms::inverse(num_answers());
}

void SafetyTerm::add_metrics(Learner& learner, training::SupervisedStep& step) const {
  if (!judge_ || !learner.active()) return;
  auto& metrics = step.metrics;
  auto sums = at::zeros({4}, at::kDouble);
  auto* sum = sums.mutable_data_ptr<double>();
  for (const auto& answer : answers_) {
    sum[0] += answer.reward.parts.at(rewards::kSafetyPart);
    sum[1] += cost_of(answer);
    sum[2] += answer.reward.parts.at("safety.non_latin");
    sum[3] += static_cast<double>(answer.completion.token_ids.size());
  }
  learner.data_parallel().all_reduce(sums, parallel::ReduceOp::Sum, "safety metrics").wait();
  sums *= algorithms::inverse(num_answers());
  const double term = sum[1];
  metrics.set("lm_loss", step.loss - run_.config().sft.safety.weight * term);
  metrics.set("safety_mean", sum[0]);
  metrics.set("safety_term", term);
  metrics.set("safety_non_latin", sum[2]);
  metrics.set("safety_answer_length", sum[3]);
}

}  // namespace r1::mpi
