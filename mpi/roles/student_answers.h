#pragma once
// On-policy distillation: the student's own answers to the prompts of a step, on which the teacher
// then scores the student ([distill] on_policy).
#include <memory>
#include <span>
#include <vector>

#include "roles/generator.h"
#include "roles/learner.h"

namespace r1::mpi {

class StudentAnswers {
 public:
  /// `run` must outlive this object.
  explicit StudentAnswers(const Run& run) : run_(run) {}

  /// Samples distill.samples_per_prompt answers to each prompt with the student's newest weights.
  /// Returns prompts and answers of the whole step in the order of sample numbers, equal on every
  /// rank, so that a teacher on other ranks sees them. `prompts`: equal on every rank. Collective
  /// over: world.
  std::vector<data::TrainingSample> sample(Learner& student, std::span<const data::Prompt> prompts,
                                           std::int64_t step);
  /// The answers of this replica in the step.
  std::span<const data::Rollout> answers() const { return answers_; }
  /// Adds completion_length, completion_length_max and truncated_share of the step's answers.
  /// Collective over: policy.
  void add_metrics(Learner& student, metrics::StepMetrics& metrics) const;

 private:
  std::string own_ids() const;

  const Run& run_;
  std::unique_ptr<Generator> generator_;  // null: not a policy rank
  std::vector<data::Rollout> answers_;    // of this replica
};

}  // namespace r1::mpi
