#pragma once
// The score-function gradient of a cost of the model's own answers
// (algorithms/score_function_loss.h). The safety term of a supervised step uses this gradient.
#include <span>

#include "config/options.h"
#include "data/types.h"
#include "training/trained_model.h"

namespace r1::training {

/// The answers of this replica's model to a step's prompts.
struct CostedAnswers {
  std::vector<data::TrainingSample> samples;
  at::Tensor costs;          // fp64 [samples] on the CPU, minus the mean cost over all replicas
  double num_answers = 0.0;  // over all replicas
};

/// Adds `weight` times the gradient of the mean cost to the optimizer step under way. The passes
/// form one phase of work (models/lockstep.h). Collective over: the policy.
void add_score_function_gradient(const TrainedModel& trained, const CostedAnswers& answers,
                                 double weight, const config::TrainerOptions& options,
                                 const Progress& progress);

}  // namespace r1::training
