#pragma once
// What a stage trains: a model, the model's trainer, and the ranks that train the same weights.
#include <functional>

#include "models/model.h"
#include "parallel/communicator.h"
#include "training/trainer.h"

namespace r1::training {

/// Holds references only: model, trainer and communicator must outlive the struct.
struct TrainedModel {
  models::Model& model;
  Trainer& trainer;
  parallel::Communicator& replicas;  // the model's replicas, each with samples of its own
};

/// Called between micro-batches, so that messages of other roles make progress.
using Progress = std::function<void()>;

/// Asked between the micro-batches of a step before the first optimizer step: true cuts the step
/// short, which is then dropped. The ranks of a replica answer alike; replicas may differ.
using IsCutShort = std::function<bool()>;

}  // namespace r1::training
