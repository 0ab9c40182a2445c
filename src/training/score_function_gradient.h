#pragma once
// The score-function gradient of a cost of the model's own answers
// (algorithms/score_function_loss.h): a part of a supervised step.
#include <span>

#include "config/options.h"
#include "data/types.h"
#include "training/trained_model.h"

namespace r1::training {

/// The answers of this replica to a step's prompts.
struct CostedAnswers {
  std::vector<data::TrainingSample> samples;
  at::Tensor costs;          // fp64 [samples] on the CPU, less their mean over all replicas
  double num_answers = 0.0;  // of all replicas
};

/// Adds `weight` times the gradient of the mean cost to the step under way, as one phase of work.
/// Collective over: the policy.
void add_score_function_gradient(const TrainedModel& trained, const CostedAnswers& answers,
                                 double weight, const config::TrainerOptions& options,
                                 const Progress& progress);

}  // namespace r1::training
